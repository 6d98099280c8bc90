"""The engine: what to send and when, whose answer a packet is, and the loop that obeys."""

from trippy_nb.tracing.actions import Action as Action
from trippy_nb.tracing.actions import Done as Done
from trippy_nb.tracing.actions import EndRound as EndRound
from trippy_nb.tracing.actions import Send as Send
from trippy_nb.tracing.actions import WaitUntil as WaitUntil
from trippy_nb.tracing.channel import Arrival as Arrival
from trippy_nb.tracing.channel import Channel as Channel
from trippy_nb.tracing.channel import Network as Network
from trippy_nb.tracing.clock import Clock as Clock
from trippy_nb.tracing.clock import MonotonicClock as MonotonicClock
from trippy_nb.tracing.clock import ThreadClock as ThreadClock
from trippy_nb.tracing.discovery import Discovery as Discovery
from trippy_nb.tracing.dump import dumped as dumped
from trippy_nb.tracing.multipath import Numbering as Numbering
from trippy_nb.tracing.pmtu import PmtuSearch as PmtuSearch
from trippy_nb.tracing.sender import Sender as Sender
from trippy_nb.tracing.strategy import Strategy as Strategy
from trippy_nb.tracing.timing import arrival_ns as arrival_ns
from trippy_nb.tracing.tracer import run_trace as run_trace
