"""Widgets: a run, a comparison and a packet that can be asked, in any notebook that knows anywidget."""

from trippy_nb.widgets.compare import CompareExplorer as CompareExplorer
from trippy_nb.widgets.explorer import Explorer as Explorer
from trippy_nb.widgets.lens import PacketLens as PacketLens
