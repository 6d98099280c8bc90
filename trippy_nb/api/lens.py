"""The packet lens: a packet, or a probe of a run, as bytes and fields."""

from typing import TYPE_CHECKING, Any

from trippy_nb.errors import ConfigError
from trippy_nb.run import Run

if TYPE_CHECKING:
    from trippy_nb.widgets import PacketLens


def lens(what: object, row: Any = None, **probe: int) -> "PacketLens":  # noqa: ANN401 - as for Run.lens
    """Look at a packet byte by byte: any IP packet, or a probe of a run with all its answers.

    Parameters
    ----------
    what
        A run, or a raw IP packet from its first byte on: ``tn.lens(bytes.fromhex("4500..."))``.
    row, **probe
        Of a run, which probe: as for `Run.lens`, ``tn.lens(run, ttl=3)``.

    Returns
    -------
    lens
        A widget; where none can be shown, a table of the fields.

    Raises
    ------
    ConfigError
        If it is neither, there is no such probe, or its packets were not kept.
    """
    if isinstance(what, Run):
        return what.lens(row, **probe)
    if row is not None or probe:
        raise ConfigError("which probe can be said of a run only: tn.lens(run, ttl=3), or tn.lens(packet)")
    if not isinstance(what, bytes | bytearray | memoryview):
        raise ConfigError(f"lens takes a run, or the bytes of one packet, not {type(what).__name__}")
    if not len(what):
        raise ConfigError("there is nothing to look at: the packet has no bytes")
    from trippy_nb.analysis.lens import packet_alone
    from trippy_nb.widgets import PacketLens

    return PacketLens(packet_alone(bytes(what)))
