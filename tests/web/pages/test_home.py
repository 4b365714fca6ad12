"""The start page tells what an application serves, and shows nothing that it was not given."""

import re

import pytest

from meze.errors import Text
from meze.web.pages import Credit, Example, Home, ResourceLink, home_document, render_home

ATLAS = Home(
    title="Atlas",
    version="2.1",
    meze_version="0.1.0",
    description=Text("Cities and `trips`.", "城市与旅程。"),
    resources=(
        ResourceLink("cities", "/api/v1/cities", Text("Towns", "城镇"), rows=170_391),
        ResourceLink("trips", "/api/v1/trips", open_to_everyone=False),
    ),
    examples=(Example("The capital", "/api/v1/cities?q=北京&limit=1", 200, {"items": [{"name": "Beijing"}]}),),
    credits=(Credit("Data by GeoNames", "https://www.geonames.org/"),),
)


def test_the_page_shows_what_is_served_with_working_links():
    page = render_home(ATLAS, "en").decode()

    assert '<html lang="en">' in page
    assert '<a href="/api/v1/cities">cities</a>' in page
    assert "170,391 rows" in page
    assert "Cities and <code>trips</code>." in page
    assert '<a href="/api/v1/cities?q=北京&amp;limit=1">' in page
    assert '<span class="key">&#34;name&#34;</span>: <span class="text">&#34;Beijing&#34;</span>' in page
    assert 'href="https://www.geonames.org/"' in page
    assert "Served by Meze 0.1.0" in page


def test_a_resource_that_asks_who_you_are_is_not_a_link_to_an_error():
    page = render_home(ATLAS, "en").decode()

    assert '<a href="/api/v1/trips">' not in page
    assert "depends on who asks" in page


def test_the_page_speaks_chinese_to_those_who_ask_for_it():
    page = render_home(ATLAS, "zh").decode()

    assert '<html lang="zh-Hans">' in page
    assert "城市与旅程。" in page
    assert "城镇" in page
    assert "What is here" not in page


def test_what_an_application_supplies_never_becomes_markup():
    attack = "<script>alert(1)</script>"
    home = Home(
        title=attack,
        version="1",
        meze_version="1",
        description=f"`{attack}` {attack}",
        resources=(ResourceLink(attack, f'/x"{attack}', attack),),
        examples=(Example(attack, f'/x"{attack}', 200, {attack: [attack, None]}),),
        credits=(Credit(attack, f'/x"{attack}'),),
    )

    page = render_home(home, "en").decode()

    assert "<script" not in page
    assert page.count("alert(1)") >= 10


def test_a_page_needs_nothing_from_elsewhere_and_no_inline_code():
    page = render_home(ATLAS, "en").decode()

    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page)
    assert len(loaded) >= 3
    assert all(url.startswith("/meze-static/") for url in loaded)
    assert not re.search(r"<style|<script|\sstyle=|\son\w+=", page)


def test_with_nothing_declared_the_page_says_how_to_begin():
    page = render_home(Home("Mine", "1", "0.1.0"), "en").decode()

    assert "api.resource(Model, read=anyone)" in page
    assert "Requests to try" not in page


def test_with_the_reference_switched_off_no_link_leads_to_it():
    page = render_home(Home("Mine", "1", "0.1.0", docs=None, openapi=None), "en").decode()

    assert "/docs" not in page
    assert "/openapi.json" not in page
    assert 'href="/health/ready"' in page


@pytest.mark.parametrize(
    ("lines", "hidden"),
    [
        pytest.param(20, None, id="a-short-answer-is-shown-whole"),
        pytest.param(40, 14, id="a-long-one-says-how-much-is-left"),
    ],
)
def test_long_answers_are_cut(lines, hidden):
    home = Home("Mine", "1", "0.1.0", examples=(Example("All", "/all", 200, list(range(lines))),))

    page = render_home(home, "en").decode()

    assert (f"… {hidden} more lines" in page) is (hidden is not None)
    assert ("more lines" in page) is (hidden is not None)


def test_a_long_text_in_an_answer_is_cut():
    home = Home("Mine", "1", "0.1.0", examples=(Example("One", "/one", 200, {"names": "x" * 500}),))

    page = render_home(home, "en").decode()

    assert "x" * 96 + "…" in page
    assert "x" * 97 not in page


def test_machines_are_told_the_same():
    assert home_document(ATLAS, "zh") == {
        "title": "Atlas",
        "version": "2.1",
        "description": "城市与旅程。",
        "resources": [
            {"name": "cities", "url": "/api/v1/cities", "summary": "城镇"},
            {"name": "trips", "url": "/api/v1/trips", "summary": ""},
        ],
        "examples": [{"summary": "The capital", "url": "/api/v1/cities?q=北京&limit=1"}],
        "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health/ready"},
        "credits": [{"text": "Data by GeoNames", "url": "https://www.geonames.org/"}],
    }
