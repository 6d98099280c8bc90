"""A packet as a flat list of fields: for people, where `decode_*` is for the engine.

The decoders read what a trace needs, quickly, and refuse the rest. Here every bit gets a name, a value in
words, the RFC that defines it and what it is for, and nothing is refused.
"""

from trippy_nb.wire.anatomy.payload import Ours as Ours
from trippy_nb.wire.anatomy.scribe import NOT_UNDERSTOOD as NOT_UNDERSTOOD
from trippy_nb.wire.anatomy.scribe import Anatomy as Anatomy
from trippy_nb.wire.anatomy.scribe import Field as Field
from trippy_nb.wire.anatomy.scribe import Layer as Layer
from trippy_nb.wire.anatomy.whole import Start as Start
from trippy_nb.wire.anatomy.whole import anatomy as anatomy
from trippy_nb.wire.anatomy.words import icmp_words as icmp_words
