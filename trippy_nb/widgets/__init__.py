"""Widgets: runs, comparisons and packets to ask, a trace to watch, a network to play with, settings."""

from trippy_nb.widgets.compare import CompareExplorer as CompareExplorer
from trippy_nb.widgets.explorer import Explored as Explored
from trippy_nb.widgets.explorer import Explorer as Explorer
from trippy_nb.widgets.handles import HandlesView as HandlesView
from trippy_nb.widgets.lens import PacketLens as PacketLens
from trippy_nb.widgets.live import SETTINGS as SETTINGS
from trippy_nb.widgets.live import LiveView as LiveView
from trippy_nb.widgets.player import Player as Player
from trippy_nb.widgets.pump import Pump as Pump
from trippy_nb.widgets.runsexplorer import RunsExplorer as RunsExplorer
from trippy_nb.widgets.settings import SettingsPanel as SettingsPanel
from trippy_nb.widgets.settings import changed_settings as changed_settings
