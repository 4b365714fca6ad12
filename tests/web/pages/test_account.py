"""The pages behind links in mail: forms that a screen reader can use, and a script that keeps the token to itself."""

from __future__ import annotations

import re

import pytest

from meze.accounts.endpoints import ENDPOINTS
from meze.web.pages import ACCOUNT_PAGES, CONTENT_SECURITY_POLICY, STATIC, render_account

SCRIPT = STATIC["account.js"].load().decode()


def rendered(name: str, language: str = "en") -> str:
    return render_account(ACCOUNT_PAGES[name], "/api/v1", language).decode()


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_each_page_asks_an_endpoint_for_what_its_body_takes(name: str) -> None:
    page = ACCOUNT_PAGES[name]
    (endpoint,) = (each for each in ENDPOINTS if each.path == page.endpoint.partition("?")[0])

    assert endpoint.method == "POST"
    assert endpoint.body is not None
    assert {page.token, *page.fields} <= set(endpoint.body.model_fields)
    needed = {name for name, field in endpoint.body.model_fields.items() if field.is_required()}
    assert needed <= {page.token, *page.fields}
    assert f'data-endpoint="/api/v1{page.endpoint}" data-token="{page.token}"' in rendered(name)


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_every_field_has_a_label_and_a_place_for_what_is_wrong(name: str) -> None:
    page = rendered(name)

    for field in re.findall(r'<input id="(\w+)"', page):
        assert f'<label for="{field}">' in page
    for field in ACCOUNT_PAGES[name].fields:
        assert f'aria-describedby="{field}-note {field}-fault"' in page
        assert f'id="{field}-fault"' in page
    assert 'role="status" aria-live="polite"' in page


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-Hans")])
def test_each_page_speaks_both_languages(name: str, language: str, tag: str) -> None:
    page = rendered(name, language)

    assert f'<html lang="{tag}">' in page
    assert ACCOUNT_PAGES[name].title.say(language) in page


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_no_code_and_no_style_is_written_into_a_page(name: str) -> None:
    page = rendered(name)

    assert all(not body for _, body in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL))
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r"""(?:src|href)=["'](?!/)""", page.replace('href="#content"', ""))


def test_the_policy_lets_a_page_ask_this_server_and_nobody_else() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in CONTENT_SECURITY_POLICY["account"].split(";"))

    assert rules["connect-src"] == rules["script-src"] == "'self'"
    assert rules["form-action"] == rules["frame-ancestors"] == "'none'"


def test_the_token_leaves_the_address_before_anything_else() -> None:
    assert SCRIPT.index("history.replaceState") < SCRIPT.index("fetch(")
    assert "localStorage" not in SCRIPT
    assert "sessionStorage" not in SCRIPT
    assert "innerHTML" not in SCRIPT


def test_a_page_knows_what_the_fields_are_for() -> None:
    assert 'type="password" autocomplete="new-password"' in rendered("reset")
    assert 'type="email" autocomplete="username"' in rendered("first-admin")
    assert "<input" not in rendered("verify")
