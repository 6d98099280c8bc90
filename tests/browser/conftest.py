from __future__ import annotations

import pytest

from tests.browser.chromium import chromium


@pytest.fixture(scope="module")
def browser():
    """One browser a module: while Playwright runs, this thread cannot run another event loop."""
    with chromium() as started:
        yield started
