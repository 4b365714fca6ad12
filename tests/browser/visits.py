"""One look at a page in a real browser, and all that the page did meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ["MEZE_TEST_BROWSER"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page, and what it did that it should not have."""

    page: Page
    server: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.add_init_script(
            "window.violations = [];"
            "const note = e => violations.push(e.violatedDirective + ' ' + e.blockedURI);"
            "addEventListener('securitypolicyviolation', note)"
        )
        self.page.goto(self.server + path)

    def asked_elsewhere(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((self.server, "data:", "blob:"))]

    def violations(self) -> list[str]:
        violations: list[str] = self.page.evaluate("violations")
        return violations


def assert_kept_to_itself(visit: Visit) -> None:
    assert visit.requests
    assert visit.asked_elsewhere() == []
    assert visit.violations() == []
    assert visit.complaints == []
