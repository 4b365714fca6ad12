"""The pages in a real browser: nothing is asked of another server, and no policy is violated.

Not part of `make test`; `conftest.py` beside this file says why.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from browser.visits import Visit, assert_kept_to_itself, browser
from meze.web.pages import (
    CONTENT_SECURITY_POLICY,
    PREFIX,
    STATIC,
    Example,
    Home,
    ResourceLink,
    error_kinds,
    render_docs,
    render_error,
    render_home,
)

__all__ = ["browser"]

CITY = {"id": 2988507, "name": "Paris", "population": 2138551}

HOME = Home(
    title="Atlas",
    version="1",
    meze_version="0.1.0",
    description="The world's cities.",
    resources=(ResourceLink("cities", "/api/v1/cities"),),
    examples=(Example("Paris", "/api/v1/cities/2988507?expand=country&fields=id,name,population", 200, CITY),),
)

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Atlas", "version": "1", "description": "Cities by [GeoNames](https://www.geonames.org/)."},
    "servers": [{"url": "/"}],
    "tags": [{"name": "cities"}],
    "paths": {
        "/api/v1/cities": {
            "get": {
                "tags": ["cities"],
                "operationId": "list_cities",
                "summary": "List cities",
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "default": 20}}],
                "responses": {
                    "200": {
                        "description": "A page of cities",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/City"}}},
                    }
                },
            },
            "post": {
                "tags": ["cities"],
                "operationId": "create_city",
                "summary": "Create a city",
                "security": [{"bearer": []}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/City"}}}},
                "responses": {"201": {"description": "Created"}},
            },
        }
    },
    "components": {
        "schemas": {"City": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}},
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    },
}


class Pages(BaseHTTPRequestHandler):
    """Serves the pages as the server does, each with its policy."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        language = "zh" if self.headers.get("Accept-Language", "").startswith("zh") else "en"
        if path.startswith(PREFIX):
            file = STATIC[path.removeprefix(PREFIX)]
            self._answer(file.load(), file.content_type)
        elif path == "/":
            self._answer(render_home(HOME, language), "text/html", CONTENT_SECURITY_POLICY["home"])
        elif path == "/docs":
            self._answer(render_docs("Atlas", language), "text/html", CONTENT_SECURITY_POLICY["docs"])
        elif path == "/openapi.json":
            self._answer(json.dumps(DOCUMENT).encode(), "application/json")
        elif path.startswith("/errors/"):
            page = render_error(error_kinds()[path.removeprefix("/errors/")], language)
            self._answer(page, "text/html", CONTENT_SECURITY_POLICY["error"])
        else:
            self._answer(json.dumps({"items": [CITY], "next": None}).encode(), "application/json")

    def _answer(self, body: bytes, content_type: str, policy: str | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture(params=["en", "zh-CN"])
def visit(request, browser, server) -> Iterator[Visit]:
    with browser.new_context(locale=request.param) as context:
        yield Visit(context.new_page(), server)


def test_the_api_reference_is_drawn_and_used_without_leaving_the_server(visit):
    visit.open("/docs")
    page = visit.page
    page.get_by_role("heading", name="List cities").wait_for()

    page.mouse.wheel(0, 3000)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").last.wait_for()
    page.keyboard.type("create")
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")

    assert_kept_to_itself(visit)


def test_a_request_is_tried_from_the_reference(visit):
    visit.open("/docs")
    page = visit.page
    page.locator(".show-api-client-button").first.click()
    with page.expect_response(lambda response: "/api/v1/cities" in response.url) as answered:
        page.locator("button", has_text="Send").or_(page.locator("button", has_text="发送")).last.click()

    assert answered.value.status == 200
    assert_kept_to_itself(visit)


@pytest.mark.parametrize("path", ["/", "/errors/invalid"])
def test_a_plain_page_keeps_to_itself_and_fits_a_phone(visit, path):
    visit.page.set_viewport_size({"width": 360, "height": 740})

    visit.open(path)

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visit.page.evaluate("document.styleSheets.length") == 1
    assert_kept_to_itself(visit)


def test_a_policy_violation_would_be_noticed(visit):
    visit.open("/")

    visit.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://192.0.2.1/x.png'}))")
    visit.page.wait_for_function("violations.length > 0")

    assert visit.violations() == ["img-src http://192.0.2.1/x.png"]
