"""Checks 28, 29, 34 and 35: nothing but a token of ours, of the right kind and in the right place, opens anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from contracts.accounts.calling import Answer, Client
from contracts.accounts.deployment import PUBLIC_URL, SECRET_KEY, Deployment, Person, new_email, new_password
from contracts.accounts.second_factors import with_second_factor

DOORS = [("GET", "/auth/me"), ("GET", "/cities"), ("POST", "/trips"), ("GET", "/users"), ("GET", "/nothing-here")]


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(header: dict[str, Any], claims: dict[str, Any] | None = None, key: bytes | None = None) -> str:
    """Return a JWT about user 1, signed with HS256 where there is a key; the signature is empty where there is none."""
    now = int(time.time())
    everything = {"sub": "1", "iss": PUBLIC_URL, "aud": PUBLIC_URL, "iat": now, "nbf": now, "exp": now + 900}
    signed = f"{encoded(header)}.{encoded(everything | (claims or {}))}"
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), hashlib.sha256)) if key else ''}"


PUBLIC_KEY = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
JWTS: list[Any] = [
    *(pytest.param(jwt({"alg": each, "typ": "JWT"}), id=f"alg-{each or 'empty'}") for each in ("none", "None", "nOnE")),
    pytest.param(jwt({"typ": "JWT"}), id="no-alg"),
    pytest.param(jwt({"alg": "HS256"}, key=SECRET_KEY.encode()), id="signed-with-our-secret"),
    pytest.param(jwt({"alg": "HS256"}, key=PUBLIC_KEY), id="signed-with-a-public-key"),
    pytest.param(jwt({"alg": "HS256"}, key=b"secret"), id="signed-with-a-guess"),
    pytest.param(jwt({"alg": "RS256"}), id="empty-signature"),
    pytest.param(jwt({"alg": "HS256", "kid": "../../../../dev/null"}, key=b"\0"), id="kid-is-a-file"),
    pytest.param(jwt({"alg": "HS256", "kid": "x' UNION SELECT 'a' --"}, key=b"a"), id="kid-is-sql"),
    pytest.param(jwt({"alg": "RS256", "jku": "https://evil.example/keys"}, key=b"a"), id="jku"),
    pytest.param(jwt({"alg": "RS256", "x5u": "https://evil.example/chain"}, key=b"a"), id="x5u"),
    pytest.param(jwt({"alg": "HS256", "jwk": {"kty": "oct", "k": "YQ"}}, key=b"a"), id="jwk"),
    pytest.param(jwt({"alg": "HS256", "crit": ["x"], "x": 1}, key=SECRET_KEY.encode()), id="unknown-crit"),
    pytest.param(jwt({"alg": "HS256", "b64": False, "crit": ["b64"]}, key=SECRET_KEY.encode()), id="b64-false"),
    pytest.param(jwt({"alg": "HS256"}, {"exp": 1}, SECRET_KEY.encode()), id="expired"),
    pytest.param(jwt({"alg": "HS256"}, {"nbf": 4_000_000_000}, SECRET_KEY.encode()), id="not-yet"),
    pytest.param(jwt({"alg": "HS256"}, {"iss": PUBLIC_URL + ".evil"}, SECRET_KEY.encode()), id="issuer-by-its-start"),
    pytest.param(jwt({"alg": "HS256"}, {"aud": ["x"], "roles": ["admin"]}, SECRET_KEY.encode()), id="other-audience"),
    pytest.param(jwt({"alg": "HS256", "typ": "id_token"}, key=SECRET_KEY.encode()), id="id-token"),
    pytest.param("..", id="two-dots"),
    pytest.param(jwt({"alg": "HS256"}, {f"c{n}": n for n in range(1500)}, SECRET_KEY.encode()), id="many-claims"),
    pytest.param(
        ".".join(
            [
                encoded({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}),
                "",
                "YQ",
                encoded(zlib.compress(b"0" * 10**6)),
                "YQ",
            ]
        ),
        id="jwe-that-unpacks-to-a-million",
    ),
]


@pytest.mark.parametrize("token", JWTS)
def test_no_jwt_is_a_token(served: Deployment, token: str) -> None:
    """28, 29: whatever it says and whoever signed it."""
    for answer in everywhere(served.client().with_token(token)):
        assert (answer.status, answer.code) == (401, "bad_credentials"), answer
        assert answer.header("WWW-Authenticate") == "Bearer"
        assert token[:40] not in answer.body.decode()


def everywhere(client: Client) -> list[Answer]:
    return [client.request(method, path, **({} if method == "GET" else {"json": {}})) for method, path in DOORS]


SCHEMES: list[Any] = [
    pytest.param("Basic {basic}", id="basic"),
    pytest.param("{token}", id="no-scheme"),
    pytest.param("Token {token}", id="token"),
    pytest.param("Bearer", id="nothing-behind"),
    pytest.param("Bearer {token} {token}", id="twice"),
    pytest.param("Bearer {token},Bearer {token}", id="listed"),
    pytest.param("Bearer {token}.", id="a-dot-more"),
    pytest.param("Bearer \u00fc", id="not-ascii"),
    pytest.param('Bearer "{token}"', id="quoted"),
    pytest.param("Digest username=anna", id="digest"),
    pytest.param("Negotiate YII=", id="negotiate"),
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_only_a_bearer_token_signs_in(served: Deployment, scheme: str) -> None:
    """28"""
    person = served.person()
    basic = base64.b64encode(f"{person.email}:{person.password}".encode()).decode()
    sent = scheme.format(token=person.access_token, basic=basic)

    answer = served.client().get("/auth/me", headers={"Authorization": sent.encode().decode("latin-1")})

    assert answer.status == 401, answer


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(served: Deployment, scheme: str) -> None:
    """RFC 9110 §11.1."""
    person = served.person()

    assert served.client().get("/auth/me", headers={"Authorization": f"{scheme} {person.access_token}"}).status == 200


ALTERED: list[Any] = [
    pytest.param(lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), id="last-character"),
    pytest.param(lambda text: text[:40] + ("A" if text[40] != "A" else "B") + text[41:], id="one-in-the-middle"),
    pytest.param(lambda text: text[:-1], id="cut"),
    pytest.param(lambda text: text + "A", id="longer"),
    pytest.param(str.lower, id="lower-case"),
    pytest.param(lambda text: text.replace("meze_", "MEZE_"), id="prefix-in-capitals"),
    pytest.param(lambda text: text.replace("access", "refresh"), id="renamed"),
    pytest.param(lambda text: text.replace("access", "key"), id="renamed-to-key"),
    pytest.param(lambda text: "%6d" + text[1:], id="percent-encoded"),
    pytest.param(lambda text: text + "%00", id="nul"),
]


@pytest.mark.parametrize("alter", ALTERED)
def test_an_altered_token_is_none(served: Deployment, alter: Callable[[str], str]) -> None:
    """28"""
    person = served.person()

    assert person.client.with_token(alter(person.access_token)).get("/auth/me").status == 401


@pytest.fixture
def tokens(served: Deployment) -> dict[str, str]:
    """One good token of each kind, by the kind."""
    guarded = with_second_factor(served.person("owner"))
    person, key_owner, moving = served.person(), served.person(), served.person().confirm()
    served.client().post("/auth/password/forgot", {"email": person.email})
    new, invited = new_email("moved"), new_email("invited")
    moving.client.patch("/auth/me", {"email": new})
    assert served.admin.client.post("/auth/invitations", {"email": invited}).status == 201
    browser = served.client().post("/auth/login?session=cookie", {"email": person.email, "password": person.password})
    cookies = dict(each.partition(";")[0].split("=", 1) for each in browser.all("Set-Cookie"))
    return {
        "access": person.access_token,
        "refresh": person.refresh_token,
        "key": key_owner.key("read", "write"),
        "mfa": guarded.mfa_token(),
        "reset": served.mailbox.link(person.email, "reset"),
        "email": served.mailbox.link(new, "email"),
        "invitation": served.mailbox.link(invited, "invitation"),
        "cookie": next(value for name, value in cookies.items() if "csrf" not in name),
        "csrf": next(value for name, value in cookies.items() if "csrf" in name),
    }


BODY_DOORS: list[tuple[str, str, dict[str, str], str]] = [
    ("refresh", "/auth/refresh", {}, "refresh_token"),
    ("mfa", "/auth/login/second-factor", {"code": "123456"}, "mfa_token"),
    ("reset", "/auth/password/reset", {"new_password": "a walnut is nobody's fool"}, "token"),
    ("email", "/auth/email/verify", {}, "token"),
    ("admin", "/auth/first-admin", {"email": "x@example.com", "password": "a walnut is nobody's fool"}, "token"),
    ("invitation", "/auth/register", {"email": "x@example.com", "password": "a walnut is nobody's fool"}, "invitation"),
]


def test_each_kind_of_token_opens_its_own_door_and_no_other(served: Deployment, tokens: dict[str, str]) -> None:
    """29, 24"""
    opened = []
    for kind, token in tokens.items():
        for answer in everywhere(served.client().with_token(token)):
            if answer.status != 401 and kind not in ("access", "key"):
                opened.append((kind, "Bearer", answer))
        for right, path, body, name in BODY_DOORS:
            answer = served.client().post(path, {**body, name: token})
            if kind != right and answer.status not in (401, 422):
                opened.append((kind, path, answer))
        for cookie in ("meze", "__Host-meze", "meze_csrf", "__Host-meze_csrf", "session", "access_token"):
            answer = served.client().get("/auth/me", headers={"Cookie": f"{cookie}={token}"})
            if answer.status != 401 and kind != "cookie":
                opened.append((kind, f"cookie {cookie}", answer))

    assert not opened


def test_the_tokens_of_the_doors_were_good(served: Deployment, tokens: dict[str, str]) -> None:
    """29: shows that what was refused in wrong places opens the right one."""
    client = served.client()
    assert client.with_token(tokens["access"]).get("/auth/me").status == 200
    assert client.with_token(tokens["key"]).get("/auth/me").status == 200
    assert client.post("/auth/refresh", {"refresh_token": tokens["refresh"]}).status == 200
    assert client.post("/auth/email/verify", {"token": tokens["email"]}).status == 204
    new = {"token": tokens["reset"], "new_password": new_password()}
    assert client.post("/auth/password/reset", new).status == 204


PARAMETERS = [
    "access_token",
    "token",
    "api_key",
    "key",
    "authorization",
    "Authorization",
    "bearer",
    "jwt",
    "session",
    "meze",
]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_token_in_the_address_is_none(served: Deployment, name: str) -> None:
    """34"""
    person = served.person()
    person.client.post("/trips", {"title": "Private"})

    for path in ("/auth/me", "/trips", "/users"):
        for value in (person.access_token, f"Bearer%20{person.access_token}"):
            answer = served.client().get(f"{path}?{name}={value}")
            assert answer.status in (400, 401), answer
            assert person.access_token not in answer.body.decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/auth/login?email={email}&password={password}", {}, id="login"),
        pytest.param("/auth/refresh?refresh_token={refresh}", {}, id="refresh"),
    ],
)
def test_what_is_secret_is_not_taken_from_the_address(served: Deployment, path: str, body: dict[str, str]) -> None:
    """34"""
    person = served.person()
    values = {"email": person.email, "password": person.password.replace(" ", "+"), "refresh": person.refresh_token}

    answer = served.client().post(path.format(**values), body)

    assert answer.status in (400, 422), answer
    assert person.refresh_token not in answer.body.decode()
    assert values["password"] not in answer.body.decode()


def test_a_token_in_a_form_is_none(served: Deployment) -> None:
    """34"""
    person = served.person()
    form = f"access_token={person.access_token}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    assert served.client().request("POST", "/trips", body=form, headers=headers).status in (401, 415)


HUGE: list[Any] = [
    pytest.param("A" * 30_000, 401, id="30-kB"),
    pytest.param("meze_access_" + "A" * 30_000, 401, id="30-kB-that-begin-like-ours"),
    pytest.param("A" * 100_000, 431, id="100-kB"),
    pytest.param("A" * 1_000_000, 431, id="1-MB"),
    pytest.param(("." * 30_000), 401, id="30000-dots"),
]


@pytest.mark.parametrize(("token", "status"), HUGE)
def test_a_huge_token_costs_nothing(served: Deployment, token: str, status: int) -> None:
    """35: what is longer than all headers may be is refused before it is read."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        answer = tolerant(served.client().with_token(token))
        seconds.append(time.perf_counter() - started)
        assert answer in (status, None), answer

    assert min(seconds) < 0.1
    assert served.client().get("/cities").status == 200


def tolerant(client: Client) -> int | None:
    """Return the status, or None where the server closed while the request was still being sent."""
    try:
        return client.get("/auth/me").status
    except (ConnectionError, TimeoutError):
        return None


@pytest.mark.parametrize(("right", "path", "body", "name"), BODY_DOORS, ids=[door[1] for door in BODY_DOORS])
def test_a_huge_token_in_a_body_costs_nothing(
    served: Deployment, right: str, path: str, body: dict[str, str], name: str
) -> None:
    """35"""
    token = f"meze_{right}_" + "A" * 1_000_000
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        answer = served.client().post(path, {**body, name: token})
        seconds.append(time.perf_counter() - started)
        assert answer.status in (401, 422), answer
        assert len(answer.body) < 5_000

    assert min(seconds) < 0.1


def test_a_huge_password_is_never_hashed(served: Deployment) -> None:
    """12, 35"""
    person: Person = served.person()
    started = time.perf_counter()

    answer = person.attempt(served.client(), password="a" * 1_500_000)

    assert answer.status in (401, 422), answer
    assert time.perf_counter() - started < 1
