"""The one owner of every operating-system handle, and the ledger of all that were ever opened."""

from trippy_nb.lifetimes.ledger import HandleRecord as HandleRecord
from trippy_nb.lifetimes.ledger import records as records
from trippy_nb.lifetimes.mmsg import BATCH as BATCH
from trippy_nb.lifetimes.mmsg import Datagram as Datagram
from trippy_nb.lifetimes.mmsg import iter_control as iter_control
from trippy_nb.lifetimes.mmsg import pack_control as pack_control
from trippy_nb.lifetimes.session import Session as Session
from trippy_nb.lifetimes.vault import TICK_S as TICK_S
from trippy_nb.lifetimes.vault import Port as Port
from trippy_nb.lifetimes.vault import Ready as Ready
from trippy_nb.lifetimes.vault import Vault as Vault
