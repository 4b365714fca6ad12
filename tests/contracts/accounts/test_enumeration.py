"""Check 16: no answer tells whether an address has an account, or what kind of account it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.accounts.calling import Answer, Client
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import Deployment, Person, new_email, new_password
from contracts.accounts.mailbox import Mail
from contracts.accounts.second_factors import with_second_factor

# What differs between any two answers.
OF_THE_MOMENT = {"x-request-id", "date"}


def told(answer: Answer) -> object:
    """Everything that an answer tells but for what belongs to the moment."""
    body = answer.json if answer.body else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    headers = sorted((name.lower(), value) for name, value in answer.headers if name.lower() not in OF_THE_MOMENT)
    return answer.status, headers, body


def unknown(served: Deployment) -> str:
    return new_email("unknown")


def registered(served: Deployment) -> str:
    return made_by_admin(served, password=new_password())


def disabled(served: Deployment) -> str:
    email = made_by_admin(served, password=new_password())
    change(served, email, {"disabled": True})
    return email


def passwordless(served: Deployment) -> str:
    return made_by_admin(served)


def unverified(served: Deployment) -> str:
    email = new_email("unverified")
    answer = served.client().post("/auth/register", {"email": email, "password": new_password()})
    assert answer.status in (201, 202), answer
    return email


def deleted(served: Deployment) -> str:
    email = made_by_admin(served, password=new_password())
    found = served.admin.client.get(f"/users?email={email}").json["items"]
    assert served.admin.client.delete(f"/users/{found[0]['id']}").status == 204
    return email


def locked(served: Deployment) -> str:
    """An account that many wrong passwords from elsewhere were tried on."""
    email = made_by_admin(served, password=new_password())
    client = served.client()
    while (answer := wrong_password(client, email)).status == 401:
        pass
    assert answer.status == 429
    return email


KINDS = [registered, disabled, passwordless, unverified, deleted, locked]


def made_by_admin(served: Deployment, **body: str) -> str:
    email = new_email("made")
    answer = served.admin.client.post("/users", {"email": email, **body})
    assert answer.status == 201, answer
    return email


def change(served: Deployment, email: str, changes: dict[str, object]) -> None:
    found = served.admin.client.get(f"/users?email={email}").json["items"]
    assert served.admin.client.patch(f"/users/{found[0]['id']}", changes).status == 200


def wrong_password(client: Client, email: str) -> Answer:
    return client.post("/auth/login", {"email": email, "password": "not the password of anybody"})


def wrong_password_with_cookie(client: Client, email: str) -> Answer:
    return client.post("/auth/login?session=cookie", {"email": email, "password": "not the password of anybody"})


def register(client: Client, email: str) -> Answer:
    return client.post("/auth/register", {"email": email, "password": "a walnut is nobody's fool"})


def forgot(client: Client, email: str) -> Answer:
    return client.post("/auth/password/forgot", {"email": email})


def resend(client: Client, email: str) -> Answer:
    return client.post("/auth/email/resend", {"email": email})


@pytest.mark.parametrize("ask", [wrong_password, wrong_password_with_cookie, register, forgot, resend])
@pytest.mark.parametrize("kind", KINDS)
def test_every_address_is_answered_alike(
    served_verified: Deployment, kind: Callable[[Deployment], str], ask: Callable[[Client, str], Answer]
) -> None:
    """16: status, every header and the body, three times over (a second time might tell more than the first)."""
    served = served_verified
    one, other = kind(served), unknown(served)
    first, second = served.client(), served.client()

    for _ in range(3):
        expected = told(ask(second, other))
        assert told(ask(first, one)) == expected


@pytest.mark.parametrize("kind", [registered, disabled, passwordless])
def test_a_lock_tells_nothing(served_verified: Deployment, kind: Callable[[Deployment], str]) -> None:
    """16, 22: addresses without an account are locked like those with one, after as many attempts."""
    served = served_verified
    one, other = kind(served), unknown(served)
    first, second = served.client(), served.client()

    for _ in range(15):
        expected, found = told(wrong_password(second, other)), told(wrong_password(first, one))
        assert without_seconds(found) == without_seconds(expected)


def without_seconds(shown: object) -> object:
    """Leave out what counts the seconds: they may go on between two answers."""
    status, headers, body = shown  # type: ignore[misc]  # as `told` makes it
    body = {name: value for name, value in body.items() if name != "detail"}
    kept = [(name, value) for name, value in headers if name not in ("retry-after", "content-length")]
    return status, kept, {name for name, _ in headers}, body


def test_the_second_factor_shows_only_behind_the_right_password(served: Deployment) -> None:
    """16"""
    guarded = with_second_factor(served.person())

    expected = told(wrong_password(served.client(), new_email("unknown")))

    assert told(wrong_password(served.client(), guarded.person.email)) == expected


def test_an_address_that_has_an_account_hears_by_mail_alone_that_it_has(served_verified: Deployment) -> None:
    """16: the letter says that there is an account, and its links make no second one."""
    served = served_verified
    email = registered(served)

    assert register(served.client(), email).status == 202

    mail = served.mailbox.wait(email)
    assert not [token for _, token in mail.links if token.startswith("meze_registration_")]


def test_forgetting_the_password_of_no_account_sends_nothing(served_verified: Deployment) -> None:
    """16"""
    served = served_verified
    nobody, gone, somebody = unknown(served), disabled(served), registered(served)

    for email in (nobody, gone, somebody):
        assert forgot(served.client(), email).status == 202

    def has_link(mail: Mail) -> bool:
        return bool(mail.links)

    served.mailbox.wait(somebody, has_link)
    assert not served.mailbox.to(nobody)
    assert not [mail for mail in served.mailbox.to(gone) if has_link(mail)]


def test_a_resend_does_not_tell_whether_a_link_is_waiting(served_verified: Deployment) -> None:
    """16"""
    served = served_verified
    waiting = unverified(served)
    served.mailbox.link(waiting, "registration")
    expected = told(resend(served.client(), unknown(served)))

    assert told(resend(served.client(), waiting)) == expected
    again = served.mailbox.link(waiting, "registration", after=1)
    assert served.client().post("/auth/email/verify", {"token": again}).status == 204


def test_in_the_open_mode_only_registering_tells(served: Deployment) -> None:
    """16: the contract exempts it: 409 at /email; all else answers alike."""
    person, nobody = served.person(), new_email("unknown")

    assert register(served.client(), person.email).status == 409
    for ask in (wrong_password, forgot, resend):
        assert told(ask(served.client(), person.email)) == told(ask(served.client(), nobody))


@pytest.mark.parametrize(("mode", "code"), [("closed", "registration_closed"), ("invite", "registration_closed")])
def test_where_nobody_may_register_everybody_is_told_so(deploy: Deploy, mode: str, code: str) -> None:
    """16"""
    served = deploy(servers=1, MEZE_REGISTRATION=mode)
    somebody = registered(served)

    expected = told(register(served.client(), new_email("unknown")))

    assert told(register(served.client(), somebody)) == expected
    assert register(served.client(), somebody).code == code


def verified_person(served: Deployment) -> Person:
    email, password = new_email("proved"), new_password()
    client = served.client()
    assert client.post("/auth/register", {"email": email, "password": password}).status == 202
    stranger = Person(served, email, password, client)
    assert stranger.attempt().status == 401, "an address that is not proved has no account"
    token = served.mailbox.link(email, "registration")
    assert client.post("/auth/email/verify", {"token": token}).status == 204
    return stranger.sign_in()


def test_an_account_is_made_once_its_address_is_proved(served_verified: Deployment) -> None:
    person = verified_person(served_verified)

    assert person.client.get("/auth/me").json["email_verified"] is True


@pytest.mark.parametrize("first", ["stranger", "owner"])
def test_who_registers_an_address_of_somebody_else_does_not_get_into_the_account(
    served_verified: Deployment, first: str
) -> None:
    """16, 37: whichever of the letters the owner of the mailbox follows, before or after their own registration."""
    served = served_verified
    email = new_email("wanted")
    passwords = {"stranger": new_password(), "owner": new_password()}
    order = [first, *(passwords.keys() - {first})]
    links = []
    for who in order:
        seen = len(served.mailbox.to(email))
        answer = served.client().post("/auth/register", {"email": email, "password": passwords[who]})
        assert answer.status == 202
        links.append(served.mailbox.link(email, "registration", after=seen))

    assert served.client().post("/auth/email/verify", {"token": links[0]}).status == 204

    stranger = Person(served, email, passwords["stranger"], served.client())
    assert stranger.attempt().status == 401
    assert served.client().post("/auth/email/verify", {"token": links[1]}).status == 422
    body = {"token": served.mailbox.link(email, "reset"), "new_password": passwords["owner"]}
    assert served.client().post("/auth/password/reset", body).status == 204
    assert stranger.attempt(served.client()).status == 401
    assert Person(served, email, passwords["owner"], served.client()).attempt().status == 200
