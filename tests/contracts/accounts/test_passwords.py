"""Checks 12 to 15: which passwords are taken, and that each counts to its last character."""

from __future__ import annotations

import secrets
import string
import unicodedata

import pytest

from contracts.accounts.calling import Answer
from contracts.accounts.deployment import Deployment, Person, new_email, new_password
from contracts.accounts.program import SERVICE
from contracts.accounts.second_factors import with_second_factor


def register(served: Deployment, password: str, email: str | None = None) -> Answer:
    return served.client().post("/auth/register", {"email": email or new_email(), "password": password})


def letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(count))


def signs_in(person: Person, password: str) -> bool:
    """Whether the account opens with a password, asked from an address of its own."""
    answer = person.attempt(person.client.elsewhere(), password=password)
    assert answer.status in (200, 401), answer
    return answer.status == 200


@pytest.mark.parametrize("length", [15, 64, 128, 1000, 1024])
def test_a_long_password_is_taken_whole(served: Deployment, length: int) -> None:
    """12"""
    person = served.person(password=letters(length))

    assert signs_in(person, person.password)
    assert not signs_in(person, person.password[:-1])
    assert not signs_in(person, person.password[:-1] + "A")


@pytest.mark.parametrize(
    ("length", "code"), [pytest.param(14, "too_short", id="14"), pytest.param(1025, "too_long", id="1025")]
)
def test_a_password_out_of_bounds_is_refused_and_not_cut(served: Deployment, length: int, code: str) -> None:
    """12"""
    email, password = new_email(), letters(length)

    refused = register(served, password, email)

    assert (refused.status, refused.pointers) == (422, ["/password"])
    assert refused.json["errors"][0]["code"] == code
    assert password not in refused.body.decode()
    for tried in (password, password[:1024]):
        assert served.client().post("/auth/login", {"email": email, "password": tried}).status == 401


def test_eight_characters_are_enough_only_with_a_second_factor(served: Deployment) -> None:
    """12"""
    without, guarded = served.person(), with_second_factor(served.person())
    short = letters(8)

    def change(person: Person, new_password: str) -> Answer:
        body = {"current_password": person.password, "new_password": new_password}
        return person.client.post("/auth/password/change", body)

    assert change(without, short).pointers == ["/new_password"]
    assert change(guarded.person, letters(7)).pointers == ["/new_password"]
    assert change(guarded.person, short).status == 204


def test_the_second_factor_is_switched_off_only_with_a_password_that_is_long_enough_alone(served: Deployment) -> None:
    """12"""
    guarded = with_second_factor(served.person())
    person, short = guarded.person, letters(8)
    changed = person.client.post("/auth/password/change", {"current_password": person.password, "new_password": short})
    assert changed.status == 204, changed

    refused = person.client.delete("/auth/totp", json={"password": short})
    assert refused.status == 422, refused
    assert person.attempt(person.client.elsewhere(), password=short).code == "second_factor_required"

    longer = new_password()
    assert person.client.delete("/auth/totp", json={"password": short, "new_password": longer}).status == 204
    assert signs_in(person, longer)


def test_what_follows_72_equal_bytes_counts(served: Deployment) -> None:
    """13: bcrypt reads 72 bytes and no more."""
    start = letters(72)
    person = served.person(password=start + "tail")

    assert signs_in(person, start + "tail")
    assert not signs_in(person, start + "liat")
    assert not signs_in(person, start)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(str.lower, str.upper, id="case"),
        pytest.param(str, lambda text: text + " ", id="trailing-space"),
        pytest.param(str, lambda text: " " + text, id="leading-space"),
        pytest.param(lambda text: text + " ", str, id="a-space-that-is-left-out"),
        pytest.param(lambda text: text + "Ａ", lambda text: text + "A", id="compatibility-forms"),
    ],
)
def test_nothing_of_a_password_is_folded_or_trimmed(served: Deployment, before: object, after: object) -> None:
    """13"""
    password = letters(20)
    person = served.person(password=before(password))  # type: ignore[operator]  # a function of text, as the ids say

    assert signs_in(person, person.password)
    assert not signs_in(person, after(password))  # type: ignore[operator]  # as above


def test_nothing_is_cut_at_a_nul(served: Deployment) -> None:
    """13: NUL is refused as in every text; what stands before it is not a password."""
    email, start = new_email(), letters(20)

    refused = register(served, start + "\0tail", email)

    assert (refused.status, refused.pointers) == (422, ["/password"])
    person = served.person(password=start)
    tried = person.attempt(served.client(), password=start + "\0tail")
    assert tried.status in (401, 422), tried


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(letters(20), id="lower-case-letters"),
        pytest.param("一只猫坐在窗台上看着外面的雨滴落下", id="chinese"),
        pytest.param("🎷🦉🌵🪐🥁🧭🛶🪁🧩🪴🦔🎡🧵🫖🪕", id="emoji"),
        pytest.param("word here and there no more", id="spaces"),
        pytest.param("8301936275014926385", id="digits"),
    ],
)
def test_no_kind_of_character_is_asked_for(served: Deployment, password: str) -> None:
    """14"""
    assert signs_in(served.person(password=password), password)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_both_ways_to_write_an_accent_are_one_password(served: Deployment, form: str) -> None:
    """14"""
    password = "crème brûlée à la façon"
    person = served.person(password=unicodedata.normalize(form, password))  # type: ignore[arg-type]  # a form's name

    assert signs_in(person, unicodedata.normalize("NFC", password))
    assert signs_in(person, unicodedata.normalize("NFD", password))


COMMON = ["123456789012345", "passwordpassword", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaaaaaa", "1q2w3e4r5t6y7u8i"]
LOCAL = "margarethe.blumenthal"


@pytest.fixture(params=["register", "change", "reset"])
def set_password(request: pytest.FixtureRequest, served: Deployment) -> object:
    """Try to give somebody a password, by each of the ways that there are."""

    def register_with(password: str, email: str) -> Answer:
        return register(served, password, email)

    def change_to(password: str, email: str) -> Answer:
        person = served.person(email=email)
        body = {"current_password": person.password, "new_password": password}
        return person.client.post("/auth/password/change", body)

    def reset_to(password: str, email: str) -> Answer:
        served.person(email=email)
        served.client().post("/auth/password/forgot", {"email": email})
        token = served.mailbox.link(email, "reset")
        return served.client().post("/auth/password/reset", {"token": token, "new_password": password})

    return {"register": register_with, "change": change_to, "reset": reset_to}[request.param]


@pytest.mark.parametrize(
    "of",
    [
        *(pytest.param(lambda _, each=each: each, id=each) for each in COMMON),
        pytest.param(lambda _: SERVICE, id="service"),
        pytest.param(lambda _: SERVICE.lower().replace(" ", ""), id="service-in-one-word"),
        pytest.param(lambda email: email, id="address"),
        pytest.param(lambda email: email.upper(), id="address-in-capitals"),
        pytest.param(lambda email: email.partition("@")[0], id="local-part"),
    ],
)
def test_what_is_easily_guessed_is_refused_everywhere(set_password: object, of: object) -> None:
    """15"""
    email = new_email(LOCAL)

    refused = set_password(of(email), email)  # type: ignore[operator]  # both are functions, see above

    assert refused.status == 422, refused
    assert len(refused.pointers) == 1
    assert refused.pointers[0] in ("/password", "/new_password")


def test_a_refused_reset_leaves_the_link_good(served: Deployment) -> None:
    """15: who chose a bad password chooses again."""
    person = served.person()
    served.client().post("/auth/password/forgot", {"email": person.email})
    token = served.mailbox.link(person.email, "reset")
    body = {"token": token, "new_password": COMMON[0]}
    assert served.client().post("/auth/password/reset", body).pointers == ["/new_password"]

    body["new_password"] = new_password()

    assert served.client().post("/auth/password/reset", body).status == 204
    assert signs_in(person, body["new_password"])
