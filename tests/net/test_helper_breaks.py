"""The helper's stream fails: an error of ours, so that what was collected before it is kept."""

from __future__ import annotations

import errno

import pytest

from trippy_nb.errors import ChannelBrokenError
from trippy_nb.lifetimes import Vault
from trippy_nb.net.helper import _Stream
from trippy_nb.tracing import MonotonicClock

pytestmark = pytest.mark.needs("mtr")


@pytest.mark.parametrize("call", ["wait", "read"])
def test_a_failing_stream_is_a_broken_channel_that_names_the_reason(call, monkeypatch):
    def fail(*_arguments: object) -> bool:
        raise OSError(errno.EIO, "as the system says it")

    with Vault() as vault:
        stream = _Stream(vault, MonotonicClock(), purpose="test")
        stream.sync()
        stream.write("1 check-support feature version\n")  # something to read
        monkeypatch.setattr(type(stream.child), call, fail)
        with pytest.raises(ChannelBrokenError, match="waiting for mtr-packet: Input/output error") as caught:
            stream.wait(1)
        assert isinstance(caught.value.__cause__, OSError)
