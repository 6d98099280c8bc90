"""Widgets: a run, a comparison and a packet that can be asked, a trace to watch, where anywidget is known."""

from trippy_nb.widgets.compare import CompareExplorer as CompareExplorer
from trippy_nb.widgets.explorer import Explored as Explored
from trippy_nb.widgets.explorer import Explorer as Explorer
from trippy_nb.widgets.lens import PacketLens as PacketLens
from trippy_nb.widgets.live import SETTINGS as SETTINGS
from trippy_nb.widgets.live import LiveView as LiveView
from trippy_nb.widgets.pump import Pump as Pump
from trippy_nb.widgets.runsexplorer import RunsExplorer as RunsExplorer
