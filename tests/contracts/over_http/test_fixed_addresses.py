"""The fixed addresses: start page, API reference, document, error pages, health."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.kitchen import ANNA, Kitchen, refused
from meze.errors import problems

MakeKitchen = Callable[..., Kitchen]
FIXED = ["//", "//docs", "//openapi.json", "//errors/not_found", "//health/live", "//health/ready", ""]


def test_the_start_page_is_for_people_and_for_machines(kitchen: Kitchen) -> None:
    person = kitchen.get("//", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    machine = kitchen.get("//", headers={"Accept": "*/*"})

    assert person.mimetype == "text/html"
    assert "/api/v1/things" in person.text
    assert machine.mimetype == "application/json"
    assert "/api/v1/things" in machine.text
    assert "unsafe" not in person.headers["Content-Security-Policy"]


def test_the_start_page_speaks_both_languages(kitchen: Kitchen) -> None:
    english = kitchen.get("//", headers={"Accept": "text/html"})
    chinese = kitchen.get("//", headers={"Accept": "text/html", "Accept-Language": "zh"})

    assert english.headers["Content-Language"] == "en"
    assert chinese.headers["Content-Language"] == "zh"
    assert '<html lang="zh' in chinese.text


def test_the_reference_is_a_page_that_loads_nothing_from_outside(kitchen: Kitchen) -> None:
    page = kitchen.get("//docs", headers={"Accept": "text/html"})

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "https://" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_document_is_openapi_3_1(kitchen: Kitchen) -> None:
    answer = kitchen.get("//openapi.json")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json["openapi"].startswith("3.1")
    assert "/api/v1/things" in answer.json["paths"]


@pytest.mark.parametrize("code", sorted({kind.code for kind in problems()}))
def test_the_type_of_every_problem_is_a_page_that_says_what_to_do(kitchen: Kitchen, code: str) -> None:
    page = kitchen.get(f"//errors/{code}", headers={"Accept": "text/html"})
    facts = kitchen.get(f"//errors/{code}", headers={"Accept": "application/json", "Accept-Language": "zh"})

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert code in page.text
    assert facts.json["code"] == code
    assert facts.headers["Content-Language"] == "zh"


def test_an_error_that_does_not_exist_is_404(kitchen: Kitchen) -> None:
    refused(kitchen.get("//errors/nothing"), 404, "not_found")
    refused(kitchen.get("//errors/<script>"), 404, "not_found")


@pytest.mark.parametrize("path", ["//health/live", "//health/ready"])
def test_health_answers_at_once_and_is_never_stored(kitchen: Kitchen, path: str) -> None:
    answer = kitchen.get(path)

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", FIXED)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW", "TRACE"])
def test_a_wrong_method_is_405_with_what_is_allowed(kitchen: Kitchen, method: str, path: str) -> None:
    answer = kitchen.request(method, path)

    refused(answer, 405, "method_not_allowed")
    assert {each.strip() for each in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", FIXED)
def test_options_and_head_answer(kitchen: Kitchen, path: str) -> None:
    options, head = kitchen.request("OPTIONS", path), kitchen.request("HEAD", path)

    assert options.status_code == 204
    assert {each.strip() for each in options.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    assert (head.status_code, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["//docs", "//openapi.json"])
def test_the_docs_can_be_closed(kitchen_with: MakeKitchen, path: str) -> None:
    off, signed_in = kitchen_with(docs="off"), kitchen_with(docs="signed_in")

    refused(off.get(path, ANNA), 404, "not_found")
    refused(signed_in.get(path), 401, "unauthenticated")
    assert signed_in.get(path, ANNA).status_code == 200
    assert "/docs" not in off.get("//").text


@pytest.mark.parametrize("path", ["//metrics", "//console", "//admin", "//.env", "//openapi.yaml", "//docs/"])
def test_nothing_else_is_served_at_the_root(kitchen: Kitchen, path: str) -> None:
    assert kitchen.get(path).status_code == 404
