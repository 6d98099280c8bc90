"""What the doctor asks, with only what the standard library has; one line of JSON. Run under wine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # an embeddable Python ignores PYTHONPATH

from trippy_nb.lifetimes import Session, records
from trippy_nb.net import examine

with Session(lambda vault, _stop: examine(vault), name="windows_doctor") as session:
    findings = [[one.topic, one.item, one.state, one.detail, one.remedy] for one in session.wait(60)]
left = sum(record.closed_by is None for record in records())
sys.stdout.write(json.dumps({"findings": findings, "handles": len(records()), "left_open": left}) + "\n")
