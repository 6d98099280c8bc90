"""The packet lens: a probe and its answers as bytes, as fields, and as what each router changed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.analysis.lens import Exchange, Shown
from trippy_nb.display import esm, lens_html, lens_text, stylesheet
from trippy_nb.widgets.base import CardWidget

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PacketLens(CardWidget):
    """Look at a probe and its answers, or at one packet.

    Parameters
    ----------
    exchange
        What `analysis.lens` made of it.
    """

    _esm = esm("lens")
    _css = stylesheet()

    view = traitlets.Dict().tag(sync=True)
    """Packets, layers, fields and fates; constant."""
    shown = traitlets.Int(0).tag(sync=True)
    """Place of the packet that is shown: 0 is the probe. Two-way; at first the first answer."""
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Place of the field that is pinned, among those of the packet shown, or None. Two-way."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._sizes = [len(shown.anatomy.fields) for shown in exchange.packets]
        view = {"title": exchange.title, "packets": [_packet(shown) for shown in exchange.packets]}
        super().__init__(view=view, shown=min(1, len(self._sizes) - 1))

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the packet that is shown as RFCs do: rows of 32 bits, every field as wide as it is long."""
        from trippy_nb.plots import plot_packet

        return plot_packet(self.exchange, self.shown, ax=ax)

    @traitlets.validate("shown")
    def _check_shown(self, proposal: Mapping[str, Any]) -> int:
        shown: int = proposal["value"]
        if not 0 <= shown < len(self._sizes):
            raise traitlets.TraitError(f"there is no packet {shown} here, only 0 to {len(self._sizes) - 1}")
        return shown

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> int | None:
        field: int | None = proposal["value"]
        size = self._sizes[self.shown]
        if field is not None and not 0 <= field < size:
            raise traitlets.TraitError(f"there is no field {field} in this packet, only 0 to {size - 1}")
        return field

    @traitlets.observe("shown")
    def _drop_foreign_field(self, _change: Mapping[str, Any]) -> None:
        if self.selected is not None and self.selected >= self._sizes[self.shown]:
            self.selected = None

    def _summary(self) -> str:
        return f"{self.exchange.title}, {len(self._sizes)} packets"

    def _card_text(self) -> str:
        return lens_text(self.exchange)

    def _card_html(self) -> str:
        return lens_html(self.exchange)


def _packet(shown: Shown) -> dict[str, Any]:
    found = shown.anatomy
    return {
        "title": shown.title,
        "says": shown.says,
        "hex": found.octets.hex(),
        "layers": [asdict(layer) for layer in found.layers],
        "fields": [asdict(field) for field in found.fields],
        "fates": [asdict(fate) | {"fate": str(fate.fate)} for fate in shown.fates],
    }
