"""Pictures: Axes in, Axes out. They draw what `analysis` found; they neither compute nor show."""

from trippy_nb.plots.comparison import plot_comparison as plot_comparison
from trippy_nb.plots.discovery import plot_discovery as plot_discovery
from trippy_nb.plots.distribution import plot_answered_shares as plot_answered_shares
from trippy_nb.plots.distribution import plot_ridges as plot_ridges
from trippy_nb.plots.flows import plot_flows as plot_flows
from trippy_nb.plots.graph import plot_graph as plot_graph
from trippy_nb.plots.handles import plot_handles as plot_handles
from trippy_nb.plots.latency import plot_latency as plot_latency
from trippy_nb.plots.loss import plot_loss as plot_loss
from trippy_nb.plots.packet import plot_packet as plot_packet
from trippy_nb.plots.paths import plot_paths as plot_paths
from trippy_nb.plots.smoke import plot_smoke as plot_smoke
from trippy_nb.plots.theme import DARK as DARK
from trippy_nb.plots.theme import LIGHT as LIGHT
from trippy_nb.plots.theme import Theme as Theme
from trippy_nb.plots.theme import new_axes as new_axes
from trippy_nb.plots.theme import save_figure as save_figure
from trippy_nb.plots.timeline import plot_timeline as plot_timeline
from trippy_nb.plots.world import plot_map as plot_map
