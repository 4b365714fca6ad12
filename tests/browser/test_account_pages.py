"""The pages behind links in mail, in a real browser and against a real server: by keyboard, in both languages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import MetaData
from werkzeug.serving import make_server

from browser.visits import Visit, assert_kept_to_itself, browser
from meze import Meze
from meze.accounts.accounts import Accounts
from meze.accounts.tokens import TokenKind, new_token

__all__ = ["browser"]

PASSWORD = "four plain words for the admin"
SETTINGS = {"secret_key": "k" * 20 + "abcdefghijklmnopqrstuvwxyz", "password_hashing": "m=1024,t=1,p=1"}
REFUSED = "Failed to load resource"
"""What the browser's console says of every answer that is no success."""


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[tuple[Accounts, str]]:
    """The accounts of a small app, and where it is served."""
    app = Flask(__name__, instance_path=str(tmp_path / "instance"))
    metadata = MetaData()
    Meze(app, metadata, settings={**SETTINGS, "database_url": f"sqlite:///{tmp_path / 'meze.db'}"})
    installation = app.extensions["meze"]
    metadata.create_all(installation.database.engine)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield installation.open().accounts, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    installation.open().accounts.close()
    installation.database.close()


@pytest.fixture(params=["en", "zh-CN"])
def visit(request: pytest.FixtureRequest, browser: Browser, accounts: tuple[Accounts, str]) -> Iterator[Visit]:
    with browser.new_context(locale=request.param) as context:
        yield Visit(context.new_page(), accounts[1])


def test_the_first_admin_is_made_by_keyboard_alone(visit: Visit, accounts: tuple[Accounts, str]) -> None:
    token = accounts[0].people.first_admin_link()
    visit.open(f"/account/first-admin#token={token}")
    page = visit.page
    page.keyboard.type("root@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("Root")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.locator(".outcome.done").wait_for()

    assert "#" not in page.url
    assert page.evaluate("history.length") <= 2
    assert page.evaluate("document.activeElement.id") == "outcome"
    assert {cookie["name"] for cookie in page.context.cookies()} == {"meze", "meze_csrf"}
    assert accounts[0].people.find("root@example.com") == 1
    assert_kept_to_itself(visit)


def test_every_fault_stands_under_its_field(visit: Visit, accounts: tuple[Accounts, str]) -> None:
    token = accounts[0].people.first_admin_link()
    visit.open(f"/account/first-admin#token={token}")
    page = visit.page
    page.locator("#email").fill("nobody")
    page.locator("#password").fill("short")
    page.locator("button").click()
    page.locator(".outcome.failed").wait_for()

    for field in ("email", "password"):
        expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#{field}-fault")).not_to_be_empty()
    assert page.evaluate("document.activeElement.id") == "email"
    page.locator("#email").fill("root@example.com")
    page.locator("#password").fill(PASSWORD)
    page.locator("button").click()
    page.locator(".outcome.done").wait_for()
    assert all(REFUSED in said for said in visit.complaints)


def test_a_link_that_is_not_good_is_told_in_words(visit: Visit) -> None:
    visit.open(f"/account/reset#token={new_token(TokenKind.RESET)}")
    visit.page.locator("#new_password").fill(PASSWORD)
    visit.page.locator("button").click()

    expect(visit.page.locator(".outcome.failed")).not_to_be_empty()
    assert visit.violations() == []


def test_a_link_without_its_token_is_told_at_once(visit: Visit) -> None:
    visit.open("/account/verify")

    expect(visit.page.locator(".outcome.failed")).not_to_be_empty()
    expect(visit.page.locator("form")).to_be_hidden()
    assert_kept_to_itself(visit)


def test_nothing_is_verified_before_somebody_says_so(visit: Visit) -> None:
    visit.open(f"/account/verify#token={new_token(TokenKind.EMAIL)}")
    visit.page.wait_for_timeout(300)

    assert not any("/auth/" in url for url in visit.requests)
    expect(visit.page.locator("button")).to_be_visible()


def test_an_invitation_to_an_account_that_exists_asks_for_its_password(visit: Visit) -> None:
    visit.open(f"/account/invitation#token={new_token(TokenKind.RESET)}")
    visit.page.wait_for_url("**/account/reset")

    expect(visit.page.locator("#new_password")).to_be_visible()


def test_a_password_can_be_looked_at(visit: Visit) -> None:
    visit.open(f"/account/reset#token={new_token(TokenKind.RESET)}")
    visit.page.locator("#new_password").fill(PASSWORD)
    visit.page.locator("#show").check()

    expect(visit.page.locator("#new_password")).to_have_attribute("type", "text")


def test_the_form_fits_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 360, "height": 740})
    visit.open(f"/account/invitation#token={new_token(TokenKind.INVITATION)}")

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert_kept_to_itself(visit)
