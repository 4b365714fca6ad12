"""Every error that a client can meet has a page that says what it means and what to do."""

import html
import re

import pytest

from meze.errors import ENTRY_TEXTS, Invalid, UnknownParameter, problems
from meze.web.pages import error_document, error_kinds, render_error

KINDS = [pytest.param(kind, id=code) for code, kind in error_kinds().items()]


def test_every_code_has_a_page():
    assert set(error_kinds()) == {kind.code for kind in problems()}
    assert len(error_kinds()) >= 20


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_names_the_error_and_the_remedy(kind, language):
    page = render_error(kind, language).decode()

    assert f"<h1>{kind.title.say(language)}</h1>" in page
    assert f"{kind.status} " in page
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert kind.remedy.say(language).replace("`", "") in text
    assert f'aria-current="page"><span>{kind.status}</span> {kind.title.say(language)}' in page
    assert "{" not in re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL)


def test_what_only_a_request_could_fill_stays_visibly_open():
    page = render_error(UnknownParameter, "en").decode()

    assert "There is no parameter &#39;<var>name</var>&#39; here." in page
    assert "There is no parameter &#39;…&#39; here." in page


def test_the_page_of_invalid_input_lists_what_an_entry_can_say():
    page = render_error(Invalid, "zh").decode()

    for code in ENTRY_TEXTS:
        assert f"<code>{code}</code>" in page
    assert "必须是<var>expected</var>。" in page
    assert "<table>" not in render_error(UnknownParameter, "zh").decode()


@pytest.mark.parametrize("kind", KINDS)
def test_machines_are_told_the_same(kind):
    document = error_document(kind, "en")

    assert document["type"] == f"/errors/{kind.code}"
    assert document["status"] == kind.status
    assert document["title"] == kind.title.en
    assert document["remedy"] == kind.remedy.en
    assert "{" not in document["meaning"]
