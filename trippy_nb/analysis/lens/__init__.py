"""A probe and its answers as bytes and fields, and what each router changed: what the packet lens shows."""

from trippy_nb.analysis.lens.exchange import Exchange as Exchange
from trippy_nb.analysis.lens.exchange import Shown as Shown
from trippy_nb.analysis.lens.exchange import exchange as exchange
from trippy_nb.analysis.lens.exchange import packet_alone as packet_alone
from trippy_nb.analysis.lens.fates import Fate as Fate
from trippy_nb.analysis.lens.fates import FieldFate as FieldFate
from trippy_nb.analysis.lens.fates import field_fates as field_fates
