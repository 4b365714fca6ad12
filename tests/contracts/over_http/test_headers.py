"""The headers of every answer: caching, languages, request ids, CORS; which hosts and types are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.kitchen import ANNA, Kitchen, Label, refused

VARY = {"accept", "accept-encoding", "accept-language", "authorization", "cookie"}
MakeKitchen = Callable[..., Kitchen]

EVERY_STATUS = [
    pytest.param("GET", "/labels", {}, id="200"),
    pytest.param("GET", "/labels/a", {}, id="200-one"),
    pytest.param("HEAD", "/labels/a", {}, id="head"),
    pytest.param("POST", "/labels", {"json": {"name": "b"}}, id="201"),
    pytest.param("DELETE", "/labels/a", {}, id="204"),
    pytest.param("OPTIONS", "/labels", {}, id="options"),
    pytest.param("GET", "/labels/a", {"headers": {"If-None-Match": "*"}}, id="304"),
    pytest.param("GET", "/labels?x=1", {}, id="400"),
    pytest.param("GET", "/labels/x", {}, id="404"),
    pytest.param("GET", "/nothing", {}, id="404-no-resource"),
    pytest.param("PUT", "/labels", {"json": {}}, id="405"),
    pytest.param("GET", "/labels", {"headers": {"Accept": "image/png"}}, id="406"),
    pytest.param("POST", "/labels", {"data": b"x", "content_type": "text/plain"}, id="415"),
    pytest.param("POST", "/labels", {"json": {}}, id="422"),
    pytest.param("GET", "//health/ready", {}, id="health"),
    pytest.param("GET", "//openapi.json", {}, id="openapi"),
    pytest.param("GET", "//", {}, id="start-page"),
    pytest.param("GET", "//errors/not_found", {}, id="error-page"),
]


@pytest.mark.parametrize(("method", "path", "options"), EVERY_STATUS)
def test_every_answer_says_who_may_keep_it(kitchen: Kitchen, method: str, path: str, options: dict[str, Any]) -> None:
    kitchen.fill(Label, [{"name": "a"}])

    answer = kitchen.request(method, path, **options)

    stored = "no-store" if "health" in path else "private, no-cache"
    assert answer.headers["Cache-Control"] == stored
    assert {each.strip().lower() for each in answer.headers["Vary"].split(",")} >= VARY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]
    assert "Server" not in answer.headers
    assert "X-Powered-By" not in answer.headers
    assert not [name for name in dict(answer.headers) if name.lower().startswith("access-control")]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(("method", "path", "options"), EVERY_STATUS)
def test_an_answer_to_a_caller_with_credentials_is_never_stored(
    kitchen: Kitchen, method: str, path: str, options: dict[str, Any]
) -> None:
    kitchen.fill(Label, [{"name": "a"}])

    answer = kitchen.request(method, path, ANNA, **options)

    assert answer.headers["Cache-Control"] == "no-store"


def test_an_answer_to_bad_credentials_or_a_cookie_is_never_stored(kitchen: Kitchen) -> None:
    refusal = kitchen.get("/labels", headers={"Authorization": "Bearer nobody"})
    with_cookie = kitchen.get("/labels", headers={"Cookie": "a=b"})

    assert refusal.headers["Cache-Control"] == "no-store"
    assert with_cookie.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("given", ["a", "0123-abc-XYZ", "x" * 64])
def test_a_request_id_is_taken_from_the_request(kitchen: Kitchen, given: str) -> None:
    for path in ("/labels", "/labels?x=1", "//health/live"):
        answer = kitchen.get(path, headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == given
        if answer.status_code == 400:
            assert answer.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a_b", "a\tb", "é", '"', "<script>"])
def test_another_request_id_is_replaced_by_one_of_our_own(kitchen: Kitchen, given: str) -> None:
    first, second = (kitchen.get("/labels", headers={"X-Request-ID": given}) for _ in range(2))

    ids = [answer.headers["X-Request-ID"] for answer in (first, second)]
    assert ids[0] != ids[1]
    assert all(id_.isascii() and id_.isalnum() and len(id_) == 26 for id_ in ids)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.5, zh;q=0.9", "zh"),
        ("en, zh", "en"),
        ("fr", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("zh;q=0", "en"),
        ("*", "en"),
        (";;;q=,zh;q=x", "en"),
        ("zh" * 5000, "en"),
    ],
)
def test_a_problem_speaks_the_language_that_was_asked_for(
    kitchen: Kitchen, accepted: str | None, language: str
) -> None:
    headers = {} if accepted is None else {"Accept-Language": accepted}

    answer = kitchen.get("/labels/x", headers=headers)

    assert answer.headers["Content-Language"] == language
    assert answer.json["detail"].isascii() == (language == "en")
    assert answer.json["title"].isascii() == (language == "en")


def test_entries_speak_the_language_too_and_hold_the_same_facts(kitchen: Kitchen) -> None:
    body = {"title": "x" * 121, "stars": "x", "author": None, "nothing": 1}

    english = kitchen.post("/articles", body, ANNA).json
    chinese = kitchen.post("/articles", body, ANNA, headers={"Accept-Language": "zh"}).json

    def facts(problem: dict[str, Any]) -> list[Any]:
        return [(entry["pointer"], entry["code"], entry.get("params")) for entry in problem["errors"]]

    assert facts(english) == facts(chinese)
    assert all(entry["detail"].isascii() for entry in english["errors"])
    assert not any(entry["detail"].isascii() for entry in chinese["errors"])


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/*",
        "application/json",
        "application/json;q=0.1",
        "text/html, */*;q=0.1",
        "APPLICATION/JSON",
        "",
    ],
)
def test_json_is_given_to_whoever_accepts_it(kitchen: Kitchen, accept: str) -> None:
    assert kitchen.get("/labels", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "text/csv", "application/x-ndjson"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/labels"), ("GET", "/labels/a"), ("POST", "/labels")])
def test_who_accepts_nothing_of_ours_gets_406(kitchen: Kitchen, method: str, path: str, accept: str) -> None:
    kitchen.fill(Label, [{"name": "a"}])
    if (method, path) == ("GET", "/labels") and accept in ("text/csv", "application/x-ndjson"):
        accept += ";q=0"  # a list comes as a file, to who does not refuse one

    answer = kitchen.request(method, path, headers={"Accept": accept}, json={"name": "b"} if method == "POST" else None)

    refused(answer, 406, "not_acceptable")
    assert len(kitchen.stored(Label)) == 1


def test_errors_are_problems_whatever_is_accepted(kitchen: Kitchen) -> None:
    refused(kitchen.get("/labels/x", headers={"Accept": "application/json"}), 404, "not_found")
    refused(kitchen.get("/nothing", headers={"Accept": "text/html"}), 404, "not_found")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.com.evil.example", "http://localhost"]
)
def test_cors_is_closed(kitchen: Kitchen, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = kitchen.request(method, "/labels", headers=headers)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_cors_is_opened_to_exact_origins_without_credentials(kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(cors_origins="https://app.example.com")
    origin = "https://app.example.com"

    for path in ("/labels", "/labels/x", "//openapi.json"):
        answer = kitchen.get(path, headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Access-Control-Allow-Credentials" not in answer.headers
        exposed = {each.strip() for each in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert exposed == {
            *("ETag", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed"),
            *("RateLimit", "RateLimit-Policy", "Deprecation", "Sunset"),
        }
        assert "Origin" in answer.headers["Vary"]

    asked = kitchen.request(
        "OPTIONS",
        "/labels/x",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type,if-match",
        },
    )
    assert asked.status_code == 204
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    allowed = asked.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "if-match"))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://sub.app.example.com",
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "https://app.example.com:444",
        "HTTPS://app.example.com/",
        "",
    ],
)
def test_cors_stays_closed_to_every_other_origin(kitchen_with: MakeKitchen, origin: str) -> None:
    kitchen = kitchen_with(cors_origins="https://app.example.com")

    for method in ("GET", "OPTIONS"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = kitchen.request(method, "/labels", headers=headers)
        assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:80", "127.1.2.3", "[::1]", "[::1]:8000", "LOCALHOST"],
)
def test_loopback_hosts_are_answered(kitchen: Kitchen, host: str) -> None:
    assert kitchen.get("/labels", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "10.0.0.1",
        "0.0.0.1",
        "localhost@evil.example",
        "[::2]",
        "localhost evil.example",
        "",
    ],
)
def test_another_host_is_400_health_excepted(kitchen: Kitchen, host: str) -> None:
    for path in ("/labels", "/labels/x", "//", "//docs", "//openapi.json", "//errors/not_found"):
        refused(kitchen.get(path, headers={"Host": host}), 400, "malformed", header="Host")
    assert kitchen.get("//health/live", headers={"Host": host}).status_code == 200
    assert kitchen.get("//health/ready", headers={"Host": host}).status_code == 200


def test_the_public_urls_host_is_answered(kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(public_url="https://api.example.com")

    for host, status in [("api.example.com", 200), ("api.example.com:443", 200), ("API.example.com", 200)]:
        assert kitchen.get("/labels", headers={"Host": host}).status_code == status
    for host in ("api.example.com:8000", "example.com", "xapi.example.com"):
        refused(kitchen.get("/labels", headers={"Host": host}), 400, "malformed", header="Host")
