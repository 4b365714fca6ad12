"""Language and media type are chosen as RFC 9110 says, whatever a client writes."""

import pytest

from meze.errors import NotAcceptable
from meze.web.negotiate import accepts, language_of, prefers_html, require_json

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        pytest.param("", "en", id="nothing-asked"),
        pytest.param("zh-CN,zh;q=0.9,en;q=0.8", "zh", id="chinese-of-china"),
        pytest.param("de-CH, zh;q=0.4, en;q=0.5", "en", id="the-better-of-ours"),
        pytest.param("fr", "en", id="none-of-ours"),
        pytest.param("zh;q=0, en", "en", id="chinese-refused"),
        pytest.param("zh;q=nonsense", "en", id="a-weight-that-is-none"),
        pytest.param("*", "en", id="anything"),
        pytest.param(";;,,=;q", "en", id="noise"),
        pytest.param("zh;q=nan, en;q=0.1", "en", id="not-a-number"),
    ],
)
def test_language(header, language):
    assert language_of(header) == language


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        pytest.param("", True, id="no-header"),
        pytest.param("*/*", True, id="anything"),
        pytest.param("application/*", True, id="any-application"),
        pytest.param("application/json;q=0.1", True, id="json-little-wanted"),
        pytest.param("application/json;q=0, */*", False, id="json-refused"),
        pytest.param("text/html", False, id="pages-only"),
        pytest.param(BROWSER, True, id="a-browser"),
    ],
)
def test_json_is_accepted(header, accepted):
    assert accepts(header, "application/json") is accepted


def test_browsers_prefer_pages_and_programs_do_not():
    assert prefers_html(BROWSER)
    assert not prefers_html("*/*")
    assert not prefers_html("application/json, text/html;q=0.5")


def test_a_client_that_takes_none_of_it_is_refused():
    with pytest.raises(NotAcceptable) as caught:
        require_json("image/png")

    assert caught.value.params == {"offered": "application/json"}
