"""The settings panel: how things are shown in this session, seen and changed in one place.

Every panel of the session shows what holds, whoever changed it. What is shown already stays as it is; a live
view heeds `refresh` at once.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from html import escape
from typing import Any, Final

import traitlets

from trippy_nb.display import esm, stylesheet
from trippy_nb.errors import ConfigError
from trippy_nb.frames.schema import HOPS
from trippy_nb.model import Settings, listen_to_settings, settings_now, use_settings
from trippy_nb.widgets.base import CardWidget
from trippy_nb.widgets.hoptable import CHOICES
from trippy_nb.widgets.knobs import Knob

_log = logging.getLogger(__name__)

_FIELDS: Final = (
    Knob("names", "Host names beside addresses", choices=("shown", "hidden"), label="Host names"),
    Knob("theme", "Cards and widgets follow the page", choices=("light", "dark"), label="Pictures"),
    Knob(
        "time_zone",
        "Of times in cards and pictures; tables stay in UTC",
        "UTC",
        examples=("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"),
        label="Time zone",
    ),
    Knob("refresh", "Of a live view", "0.2", examples=("0.2", "1", "5"), label="Refresh every (s)"),
)


def changed_settings(changes: Mapping[str, object]) -> Settings:
    """Make the settings that hold, with something changed.

    Raises
    ------
    ConfigError
        If there is no such setting, column or value.
    """
    known = [one.name for one in fields(Settings)]
    for name in changes:
        if name not in known:
            raise ConfigError(f"there is no setting {name!r}, only {', '.join(known)}")
    made = replace(settings_now(), **changes)  # type: ignore[arg-type]  # checked as it is made
    return replace(made, columns=_columns(made.columns))


def _columns(names: Iterable[object]) -> tuple[str, ...]:
    columns = (names,) if isinstance(names, str) else tuple(names)
    for name in columns:
        if name not in CHOICES:
            raise ConfigError(f"the hop table has no column {name!r}, only {', '.join(CHOICES)}")
    return tuple(dict.fromkeys(map(str, columns)))


class SettingsPanel(CardWidget):
    """See and change the settings of the session."""

    _esm = esm("settings")
    _css = stylesheet()

    fields: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    """What can be set; constant."""
    columns: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    """Columns of hop tables, and what they are called; constant."""
    now = traitlets.Dict(read_only=True).tag(sync=True)
    """The settings that hold."""
    error = traitlets.Unicode("", read_only=True).tag(sync=True)
    """What cannot be."""

    def __init__(self) -> None:
        self.refused = 0
        super().__init__(
            fields=[field.spelled() for field in _FIELDS],
            columns=[[name, HOPS.column(name).label or name.capitalize()] for name in CHOICES],
        )
        self._show()
        listen_to_settings(self._show)
        self.on_msg(self._heard)

    def reset(self) -> None:
        """Have the defaults hold again."""
        use_settings(Settings())

    def _show(self) -> None:
        settings = settings_now()
        with self.hold_sync():
            self.set_trait("now", asdict(settings) | {"columns": list(settings.columns)})
            self.set_trait("error", "")

    def _heard(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            use_settings(_understood(content))
        except ConfigError as error:
            self.set_trait("error", str(error))
        except (LookupError, TypeError, ValueError):
            self.refused += 1
            _log.debug("the browser said what is not understood: %r", content)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Refuse what the browser sets: it asks, by messages."""
        self.refused += 1
        self.send_state([name for name in sync_data if self.has_trait(name)])

    def _summary(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(settings_now()).items() if value)

    def _card_text(self) -> str:
        return f"Settings of this session: {self._summary()}"

    def _card_html(self) -> str:
        return f"<div>{escape(self._card_text())}</div>"


def _understood(content: Any) -> Settings:  # noqa: ANN401 - whatever came
    """Read a message.

    Raises
    ------
    LookupError, TypeError, ValueError
        If no panel of ours sends such a thing.
    ConfigError
        If what somebody typed cannot be.
    """
    match content["type"]:
        case "reset":
            return Settings()
        case "column":
            others = [name for name in settings_now().columns if name != content["name"]]
            chosen = {content["name"], *others} if content["on"] is True else set(others)
            return changed_settings({"columns": [name for name in CHOICES if name in chosen]})
        case "set":
            key, text = content["key"], content["text"].strip()
            usual = {field.key: field.usual for field in _FIELDS}[key]
            return changed_settings({key: _number(text or usual) if key == "refresh" else text or usual})
        case other:
            raise ValueError(other)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"refresh is a number of seconds, not {text!r}") from None
