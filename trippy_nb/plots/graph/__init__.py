"""The hop graph, drawn: nodes, edges and labels, tunnels and autonomous systems behind them."""

from trippy_nb.plots.graph.picture import plot_graph as plot_graph
