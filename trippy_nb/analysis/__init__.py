"""Frames in, answers out: pure functions, no I/O, no clock, nothing kept between calls."""

from trippy_nb.analysis.attribution import attribute_loss as attribute_loss
from trippy_nb.analysis.compare import ComparisonTables as ComparisonTables
from trippy_nb.analysis.compare import compare_tables as compare_tables
from trippy_nb.analysis.diamonds import diamonds as diamonds
from trippy_nb.analysis.discovery import Discovery as Discovery
from trippy_nb.analysis.discovery import discovery as discovery
from trippy_nb.analysis.evidence import evidence as evidence
from trippy_nb.analysis.graph import hop_graph as hop_graph
from trippy_nb.analysis.holdings import Holdings as Holdings
from trippy_nb.analysis.holdings import holdings as holdings
from trippy_nb.analysis.hops import flow_hop_table as flow_hop_table
from trippy_nb.analysis.hops import hop_table as hop_table
from trippy_nb.analysis.hops import probes_in_view as probes_in_view
from trippy_nb.analysis.latency import Latency as Latency
from trippy_nb.analysis.latency import latency as latency
from trippy_nb.analysis.links import links as links
from trippy_nb.analysis.paths import path_table as path_table
from trippy_nb.analysis.paths import paths as paths
from trippy_nb.analysis.pmtu import PathMtu as PathMtu
from trippy_nb.analysis.pmtu import path_mtu as path_mtu
