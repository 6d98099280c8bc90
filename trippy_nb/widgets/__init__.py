"""Widgets: a run and a comparison that can be asked, and a trace to watch, where anywidget is known."""

from trippy_nb.widgets.compare import CompareExplorer as CompareExplorer
from trippy_nb.widgets.explorer import Explorer as Explorer
from trippy_nb.widgets.live import SETTINGS as SETTINGS
from trippy_nb.widgets.live import LiveView as LiveView
from trippy_nb.widgets.pump import Pump as Pump
