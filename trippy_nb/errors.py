"""Every exception of trippy_nb, in one tree.

::

    TrippyError
    ├─ ConfigError (ValueError)              your arguments; raised before any packet leaves
    │  └─ PortInUseError                     another program has the source port
    ├─ ResolveError                          the name has no address (of the family asked for)
    ├─ PrivilegeError (PermissionError)      says what is missing, and what would help
    ├─ ChannelError
    │  ├─ HandleClosedError                  a handle was used, or closed, after its end
    │  └─ ChannelBrokenError                 it failed under us; ``__cause__`` is the OSError
    ├─ StoppedError                          it was stopped before there was anything to return
    ├─ BadPacketError (ValueError)           the network's bytes; only ``decode_*`` raises it
    ├─ FormatError (ValueError)              a file: its path, the place in it, what was expected
    │  └─ ScenarioError                      a scenario file: path, line and key
    ├─ SchemaError (ValueError)              a frame broke its contract: the column and the reason
    └─ MissingDependencyError (ImportError)  names the extra to install

A time-out, a silent hop, an unreachable target: those are data, never exceptions.
"""


class TrippyError(Exception):
    """Base of all errors that trippy_nb raises on purpose."""


class ConfigError(TrippyError, ValueError):
    """An argument is wrong; the message is one line: what was wrong and what to do."""


class PortInUseError(ConfigError):
    """The source port is taken by another program on this machine."""


class ResolveError(TrippyError):
    """A host name has no address of the family that was asked for."""


class PrivilegeError(TrippyError, PermissionError):
    """Not allowed to this process; the message says what would help."""


class ChannelError(TrippyError):
    """Something went wrong between us and the network."""


class HandleClosedError(ChannelError):
    """A handle was used, or closed again, after it had been closed."""


class ChannelBrokenError(ChannelError):
    """The channel failed under us; ``__cause__`` is the operating system's error."""


class StoppedError(TrippyError):
    """A trace was stopped (`stop_all`, its cell run again) before it had anything to return."""


class BadPacketError(TrippyError, ValueError):
    """Bytes from the network that are not what they claim to be."""


class FormatError(TrippyError, ValueError):
    """A file that cannot be read as what it claims to be."""


class ScenarioError(FormatError):
    """A scenario file of the built-in internet is wrong: path, line and key."""


class SchemaError(TrippyError, ValueError):
    """A frame broke the contract of its table: the column and the reason."""


class MissingDependencyError(TrippyError, ImportError):
    """An optional package is not installed; the message names the extra."""
