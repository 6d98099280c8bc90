"""A headless Chromium that may speak to nobody but this machine, and says what it was asked to do.

The system's Chromium, driven by Playwright; Playwright's own browser download is not used.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.needs import find_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_OURS = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:|file:|about:")


@dataclass
class Visit:
    """A page, and what it did that it should not have done."""

    page: Page
    external: list[str] = field(default_factory=list)
    """Requests to anybody else; they were refused."""
    errors: list[str] = field(default_factory=list)
    """Exceptions, and whatever was logged as an error."""

    def _gate(self, route: Route) -> None:
        if _OURS.match(route.request.url):
            route.continue_()
        else:
            self.external.append(route.request.url)
            route.abort()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_tool("chromium", "chromium-browser", "google-chrome"), args=ARGS
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(
    browser: Browser,
    *,
    width: int = 1000,
    height: int = 900,
    dark: bool = False,
    still: bool = False,
    forced: bool = False,
) -> Iterator[Visit]:
    """Open a page in a profile of its own; `still`: less motion; `forced`: few colours, the system's."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if still else "no-preference",
        forced_colors="active" if forced else "none",
    )
    try:
        here = Visit(context.new_page())
        here.page.on("pageerror", lambda error: here.errors.append(str(error)))
        here.page.on("console", lambda said: here.errors.append(said.text) if said.type == "error" else None)
        context.set_default_timeout(15_000)  # milliseconds
        context.route("**/*", here._gate)
        yield here
    finally:
        context.close()


@contextmanager
def blameless(browser: Browser, *, but: str | None = None, **view: Any) -> Iterator[Visit]:
    """Open a page, and afterwards demand that it asked nobody for anything and logged no error but this."""
    with visit(browser, **view) as here:
        yield here
        assert here.external == [], here.external
        errors = [error for error in here.errors if but is None or but not in error]
        assert not errors, errors
