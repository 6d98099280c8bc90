"""Settings: how things are shown in this session."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trippy_nb.widgets import SettingsPanel


def settings(**changes: object) -> "SettingsPanel":
    """See and change how things are shown in this session; what was measured is not touched.

    Parameters
    ----------
    **changes
        `columns` of hop tables in cards and widgets (names of `run.hops`; ``()`` leaves each table its own),
        `names` (host names ``"shown"`` or ``"hidden"``), `theme` of pictures (``"light"`` or ``"dark"``;
        cards and widgets follow their page), `time_zone` of times in cards and pictures
        (``"Europe/Berlin"``; tables stay in UTC), `refresh` (seconds from one look of a live view to the
        next, 0.1 to 60).

    Returns
    -------
    panel
        A widget to see and change them; `panel.now` are those that hold.

    Raises
    ------
    ConfigError
        If there is no such setting or value; nothing is changed then.

    Examples
    --------
    >>> import trippy_nb as tn
    >>> panel = tn.settings(names="hidden", columns=["loss_ratio", "p50_ms", "p99_ms"])
    >>> panel.now["names"]
    'hidden'
    >>> panel.reset()
    """
    from trippy_nb.model import use_settings
    from trippy_nb.widgets import SettingsPanel, changed_settings

    if changes:
        use_settings(changed_settings(changes))
    return SettingsPanel()
