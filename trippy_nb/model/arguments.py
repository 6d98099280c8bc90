"""What an argument may be, checked where it is given: a refusal is one line that says what would do."""

from math import inf, isfinite
from numbers import Integral, Real
from typing import TypeGuard

from trippy_nb.errors import ConfigError

_LARGEST = 10**300


def is_number(value: object, *, whole: bool = False) -> TypeGuard[float]:
    """Tell whether this is a finite number, Python's or numpy's; True and False are none."""
    kind: type = Integral if whole else Real
    if isinstance(value, int) and abs(value) > _LARGEST:  # isfinite would overflow
        return False
    return isinstance(value, kind) and not isinstance(value, bool) and isfinite(value)  # type: ignore[arg-type]  # Real has __float__


def check_number(
    name: str,
    value: object,
    *,
    low: float = 0.0,
    high: float = inf,
    whole: bool = False,
    above: bool = False,
) -> None:
    """Refuse what is no number within bounds.

    Parameters
    ----------
    name
        Of the argument.
    value
        What was given.
    low, high
        Inclusive bounds.
    whole
        It must be a whole number.
    above
        It must not be `low` itself.

    Raises
    ------
    ConfigError
        If it is none.
    """
    fits = is_number(value, whole=whole) and low <= value <= high and not (above and value == low)
    if not fits:
        what = "a whole number" if whole else "a number"
        bounds = f"{'above' if above else 'from'} {low:g}" + ("" if high == inf else f" to {high:g}")
        raise ConfigError(f"{name}={value!r} is not {what} {bounds}")
