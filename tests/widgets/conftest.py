from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import comm
import pytest


@dataclass
class Wire:
    """What went to the browser."""

    messages: list[tuple[str, dict[str, Any], list[bytes]]] = field(default_factory=list)

    def states(self) -> list[dict[str, Any]]:
        return [
            content["state"]
            for kind, content, _ in self.messages
            if kind == "comm_msg" and "state" in content
        ]


@pytest.fixture
def wire(monkeypatch):
    """Record comm messages; without a kernel ipywidgets' comms lead nowhere."""
    record = Wire()

    class Recorder(comm.base_comm.BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **_keys):
            record.messages.append((msg_type, data or {}, [bytes(part) for part in buffers or []]))

    monkeypatch.setattr(comm, "create_comm", Recorder)
    return record


@pytest.fixture
def browser_says():
    """Play the browser: set traits of a widget by a message."""

    def say(widget, **state):
        content = {"data": {"method": "update", "state": state, "buffer_paths": []}}
        widget._handle_msg({"content": content, "buffers": []})

    return say
