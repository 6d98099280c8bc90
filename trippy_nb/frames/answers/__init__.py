"""Tables of answers: what `trippy_nb.analysis` concludes from the probes, and how sure it is.

Computed on demand, never stored, as those of `frames.derived`; but these weigh chances.
"""

from trippy_nb.frames.answers.alerts import ALERTS as ALERTS
from trippy_nb.frames.answers.comparison import COMPARED_EDGES as COMPARED_EDGES
from trippy_nb.frames.answers.comparison import COMPARED_HOPS as COMPARED_HOPS
from trippy_nb.frames.answers.comparison import COMPARED_PAIRS as COMPARED_PAIRS
from trippy_nb.frames.answers.comparison import COMPARED_PATHS as COMPARED_PATHS
from trippy_nb.frames.answers.comparison import COMPARED_RESPONSES as COMPARED_RESPONSES
from trippy_nb.frames.answers.comparison import COMPARED_RTT as COMPARED_RTT
from trippy_nb.frames.answers.comparison import VERDICTS as VERDICTS
from trippy_nb.frames.answers.findings import FINDING_KINDS as FINDING_KINDS
from trippy_nb.frames.answers.findings import FINDINGS as FINDINGS
from trippy_nb.frames.answers.findings import WEIGHTS as WEIGHTS
from trippy_nb.frames.answers.history import CHANGE_KINDS as CHANGE_KINDS
from trippy_nb.frames.answers.history import CHANGES as CHANGES
from trippy_nb.frames.answers.history import EPOCHS as EPOCHS
from trippy_nb.frames.answers.history import FORWARDING as FORWARDING
from trippy_nb.frames.answers.history import PREVALENCE as PREVALENCE
from trippy_nb.frames.answers.history import STANDINGS as STANDINGS
from trippy_nb.frames.answers.latencies import BANDS as BANDS
from trippy_nb.frames.answers.latencies import CLASSES as CLASSES
from trippy_nb.frames.answers.latencies import DAILY as DAILY
from trippy_nb.frames.answers.latencies import DELAY_ALARMS as DELAY_ALARMS
from trippy_nb.frames.answers.latencies import DELAYS as DELAYS
from trippy_nb.frames.answers.latencies import DENSITY as DENSITY
from trippy_nb.frames.answers.latencies import ECDF as ECDF
from trippy_nb.frames.answers.latencies import HISTOGRAM as HISTOGRAM
from trippy_nb.frames.answers.latencies import LAST_MILE as LAST_MILE
from trippy_nb.frames.answers.latencies import LIGHT as LIGHT
from trippy_nb.frames.answers.latencies import SPIKE_VERDICTS as SPIKE_VERDICTS
from trippy_nb.frames.answers.latencies import SPIKES as SPIKES
from trippy_nb.frames.answers.losses import LOSS_VERDICTS as LOSS_VERDICTS
from trippy_nb.frames.answers.losses import LOSSES as LOSSES
from trippy_nb.frames.answers.rtt_changes import JOINT_EVENTS as JOINT_EVENTS
from trippy_nb.frames.answers.rtt_changes import REACHES as REACHES
from trippy_nb.frames.answers.rtt_changes import RTT_CHANGES as RTT_CHANGES
from trippy_nb.frames.schema import Table

_ALL: tuple[Table, ...] = (
    FINDINGS,
    EPOCHS,
    CHANGES,
    PREVALENCE,
    FORWARDING,
    ECDF,
    BANDS,
    HISTOGRAM,
    DENSITY,
    DELAYS,
    DELAY_ALARMS,
    SPIKES,
    LIGHT,
    LAST_MILE,
    DAILY,
    COMPARED_PATHS,
    COMPARED_EDGES,
    COMPARED_RTT,
    COMPARED_RESPONSES,
    COMPARED_PAIRS,
    COMPARED_HOPS,
    ALERTS,
    RTT_CHANGES,
    JOINT_EVENTS,
    LOSSES,
)

ANSWER_TABLES: dict[str, Table] = {table.name: table for table in _ALL}
