"""The command line."""

from trippy_nb.cli.main import main as main
from trippy_nb.cli.options import SHORTCUTS as SHORTCUTS
from trippy_nb.cli.options import TraceCommand as TraceCommand
from trippy_nb.cli.options import given_options as given_options
