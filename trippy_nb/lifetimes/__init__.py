"""The one owner of every operating-system handle, and the ledger of all that were ever opened."""

from trippy_nb.lifetimes.cells import current_cell as current_cell
from trippy_nb.lifetimes.cells import is_cell_running as is_cell_running
from trippy_nb.lifetimes.child import Child as Child
from trippy_nb.lifetimes.child import open_child as open_child
from trippy_nb.lifetimes.datagrams import BATCH as BATCH
from trippy_nb.lifetimes.datagrams import SLOT as SLOT
from trippy_nb.lifetimes.datagrams import Datagram as Datagram
from trippy_nb.lifetimes.datagrams import iter_control as iter_control
from trippy_nb.lifetimes.datagrams import pack_control as pack_control
from trippy_nb.lifetimes.ledger import HandleRecord as HandleRecord
from trippy_nb.lifetimes.ledger import records as records
from trippy_nb.lifetimes.register import SessionRecord as SessionRecord
from trippy_nb.lifetimes.session import RUN_AGAIN as RUN_AGAIN
from trippy_nb.lifetimes.session import STOP_TIMEOUT_S as STOP_TIMEOUT_S
from trippy_nb.lifetimes.session import Session as Session
from trippy_nb.lifetimes.session import session_records as session_records
from trippy_nb.lifetimes.session import stop_all as stop_all
from trippy_nb.lifetimes.vault import TICK_S as TICK_S
from trippy_nb.lifetimes.vault import Port as Port
from trippy_nb.lifetimes.vault import Ready as Ready
from trippy_nb.lifetimes.vault import Vault as Vault
