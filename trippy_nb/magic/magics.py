"""`%trace`, `%%trace` and `%handles`, and how IPython gets and loses them."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from trippy_nb.api import handles, trace
from trippy_nb.display import CardFrame, handles_sheet
from trippy_nb.errors import TrippyError
from trippy_nb.magic.command import HANDLES, TRACE, help_of, read_handles, read_trace
from trippy_nb.magic.completion import match_trace
from trippy_nb.sim import load

if TYPE_CHECKING:
    from trippy_nb.run import Run, RunSet


@contextlib.contextmanager
def _in_one_line() -> Iterator[None]:
    """Have IPython show an error of ours as one line; the error itself is the cause of `sys.last_value`."""
    try:
        yield
    except TrippyError as error:
        raise UsageError(str(error)) from error


@magics_class
class TraceMagics(Magics):
    """The magics of trippy_nb."""

    @line_cell_magic
    def trace(self, line: str, cell: str | None = None) -> "Run | RunSet | None":
        """Trace; the help page takes the place of this."""
        with _in_one_line():
            asked = read_trace(line, cell)
            if asked is None:
                return None
            network = None if asked.scenario is None else load(asked.scenario)
            one = cell is None and len(asked.targets) == 1
            run = trace(asked.targets[0] if one else asked.targets, network=network, **asked.options)
        if asked.into is not None:
            assert self.shell is not None  # register_magics gave it
            self.shell.push({asked.into: run})  # type: ignore[no-untyped-call]  # IPython is half typed
        return run

    @line_magic
    def handles(self, line: str) -> "CardFrame | None":
        """Show what is open; the help page takes the place of this."""
        with _in_one_line():
            everything = read_handles(line)
        if everything is None:
            return None
        found = handles()
        return CardFrame(found if everything else found[found["closed_at"].isna()], handles_sheet)

    trace.__doc__ = help_of(TRACE)
    handles.__doc__ = help_of(HANDLES)


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython's shell
    """Give IPython the magics and their completion; IPython calls it for ``%load_ext trippy_nb``."""
    shell.register_magics(TraceMagics)
    if match_trace not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(match_trace)


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython's shell
    """Take them away again; IPython calls it for ``%unload_ext trippy_nb``."""
    with contextlib.suppress(ValueError):
        shell.Completer.custom_matchers.remove(match_trace)
    for kind, names in TraceMagics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
