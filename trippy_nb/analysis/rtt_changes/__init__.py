"""Changes in RTT: where its level changed, from which hop on, and which change of path it goes with."""

from trippy_nb.analysis.rtt_changes.joint import joint_events as joint_events
from trippy_nb.analysis.rtt_changes.points import ChangePoint as ChangePoint
from trippy_nb.analysis.rtt_changes.points import change_points as change_points
from trippy_nb.analysis.rtt_changes.table import rtt_changes as rtt_changes
