"""Ways into accounts, or to stay in one, that an attack has found open once. Each failed before it was closed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from contracts.accounts.calling import Answer, Client, at_once
from contracts.accounts.deployment import Deployment, Person, new_email, new_password, within
from contracts.accounts.second_factors import with_second_factor

ADMIN = ["admin"]


def invited(served: Deployment, by: Client, roles: list[str]) -> tuple[str, str]:
    """Invite somebody new and return the address, and the link's token."""
    email = new_email("invited")
    assert by.post("/auth/invitations", {"email": email, "roles": roles}).status == 201
    return email, served.mailbox.link(email, "invitation")


def accept(served: Deployment, email: str, token: str) -> Answer:
    body = {"email": email, "password": new_password(), "invitation": token}
    return served.client().post("/auth/register", body)


def reset(served: Deployment, person: Person) -> Callable[[], None]:
    """Return what sets a new password by a link, which is in the mailbox already."""
    assert served.client().post("/auth/password/forgot", {"email": person.email}).status == 202
    body = {"token": served.mailbox.link(person.email, "reset"), "new_password": new_password()}

    def run() -> None:
        answer = served.client().post("/auth/password/reset", body)
        assert answer.status == 204, answer

    return run


def until(done: Callable[[], None], *calls: Callable[[], object]) -> None:
    """Repeat the calls, each in a thread, while `done` comes and for a moment after it."""
    over = threading.Event()

    def repeat(call: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            while not over.is_set():
                call()

        return run

    def finish() -> None:
        try:
            over.wait(0.1)
            done()
            over.wait(0.3)
        finally:
            over.set()

    at_once(finish, *(repeat(call) for call in calls))


def test_an_earlier_invitation_does_not_bring_back_who_was_deleted(served: Deployment) -> None:
    email, first = invited(served, served.admin.client, ["editor"])
    again = {"email": email, "roles": ["editor"]}
    assert served.admin.client.post("/auth/invitations", again).status == 201
    second = served.mailbox.link(email, "invitation", after=1)
    made = accept(served, email, second)
    assert made.status == 201, made
    assert served.admin.client.delete(f"/users/{made.json['user']['id']}").status == 204

    assert accept(served, email, first).pointers == ["/invitation"]


@pytest.mark.parametrize("change", [{"roles": []}, {"disabled": True}, None], ids=["demoted", "disabled", "deleted"])
def test_an_invitation_ends_with_the_power_of_who_gave_it(served: Deployment, change: dict[str, Any] | None) -> None:
    colleague = served.person("colleague")
    place = f"/users/{colleague.id}"
    assert served.admin.client.patch(place, {"roles": ADMIN}).status == 200
    email, token = invited(served, colleague.client, ADMIN)

    taken = served.admin.client.delete(place) if change is None else served.admin.client.patch(place, change)
    assert taken.status in (200, 204), taken

    assert accept(served, email, token).pointers == ["/invitation"]


def test_an_invitation_proves_no_other_address(served: Deployment) -> None:
    """IDNA keeps the two domains apart, and they have two owners; folding letters made them one."""
    name = new_email("anna").partition("@")[0]
    email = f"{name}@strasse.example"
    assert served.admin.client.post("/auth/invitations", {"email": email, "roles": []}).status == 201
    token = served.mailbox.link(email, "invitation")

    assert accept(served, f"{name}@straße.example", token).pointers == ["/email"]
    spelt = accept(served, f"{name.upper()}@strasse.example", token)
    assert (spelt.status, spelt.json["user"]["email"]) == (201, email)


def test_codes_without_a_sign_in_are_refused_after_a_while_and_leave_no_trail(served: Deployment) -> None:
    stranger = served.client()
    body = {"mfa_token": "meze_mfa_none", "code": "492039"}

    statuses = Counter(stranger.post("/auth/login/second-factor", body).status for _ in range(110))

    assert set(statuses) == {401, 429}
    assert served.rows(
        "SELECT count(*) FROM meze_account_events WHERE address = :address", address=stranger.address
    ) == [(0,)]


def test_who_guesses_codes_from_many_networks_gets_no_further_and_is_seen(served: Deployment) -> None:
    """22, 24: whoever knows the password, and has all networks of a /48."""
    person = served.person()
    guarded = with_second_factor(person)
    for network in range(10):
        client = served.client(f"2001:db8:{person.id:x}:{network:x}::1")
        token = guarded.mfa_token(client)
        for _ in range(5):
            assert guarded.answer(token, guarded.wrong_code(), client).status == 401

    elsewhere = served.client()
    assert guarded.answer(guarded.mfa_token(elsewhere), guarded.code(1), elsewhere).status == 401
    assert guarded.answer(guarded.mfa_token(elsewhere), guarded.recovery_codes[0], elsewhere).status == 200
    seen = served.rows(
        "SELECT count(*) FROM meze_account_events WHERE user_id = :id AND event = 'sign_in_failed'", id=person.id
    )
    assert seen[0][0] >= 50


def test_a_stranger_has_an_address_mailed_no_more_than_five_times_an_hour(served_verified: Deployment) -> None:
    email = new_email("bombed")

    def register() -> Answer:
        return served_verified.client().post("/auth/register", {"email": email, "password": new_password()})

    assert [register().status for _ in range(8)] == [202] * 8
    witness = new_email("witness")  # letters leave in their order
    served_verified.client().post("/auth/register", {"email": witness, "password": new_password()})
    served_verified.mailbox.link(witness, "registration")
    assert len(served_verified.mailbox.to(email)) == 5


def test_a_strangers_password_is_not_that_of_who_asks_for_the_letter_again(served_verified: Deployment) -> None:
    """CVE-2024-38351: a registration that somebody else made first, or in between."""
    email, theirs, strangers = new_email("victim"), new_password(), new_password()
    for number, password in enumerate((theirs, strangers)):
        served_verified.client().post("/auth/register", {"email": email, "password": password})
        served_verified.mailbox.link(email, "registration", after=number)
    assert served_verified.client().post("/auth/email/resend", {"email": email}).status == 202
    token = served_verified.mailbox.link(email, "registration", after=2)
    assert served_verified.client().post("/auth/email/verify", {"token": token}).status == 204

    assert served_verified.client().post("/auth/login", {"email": email, "password": strangers}).status == 401
    link = served_verified.mailbox.link(email, "reset")
    chosen = {"token": link, "new_password": new_password()}
    assert served_verified.client().post("/auth/password/reset", chosen).status == 204


def test_links_of_one_address_that_are_used_at_once_do_not_wait_for_each_other(served_verified: Deployment) -> None:
    """On PostgreSQL they did, until it ended one after the other."""
    for _ in range(5):
        email, tokens = new_email("hasty"), []
        for number in range(5):
            served_verified.client().post("/auth/register", {"email": email, "password": new_password()})
            tokens.append(served_verified.mailbox.link(email, "registration", after=number))

        def verify(token: str) -> Callable[[], Answer]:
            return lambda: served_verified.client().post("/auth/email/verify", {"token": token})

        answers = at_once(*map(verify, tokens))

        assert sorted(answer.status for answer in answers) == [204, 422, 422, 422, 422], answers


def test_nobody_reads_in_their_trail_where_an_admin_was(served: Deployment) -> None:
    person = served.person()
    client = served.admin.client.elsewhere()
    changed = client.patch(f"/users/{person.id}", {"roles": ["editor"]}, headers={"User-Agent": "Browser of the admin"})
    assert changed.status == 200

    def trail() -> Answer:
        return person.client.get("/auth/events?limit=100")

    assert within(1, lambda: b"roles_changed" in trail().body)
    assert b"Browser of the admin" not in trail().body
    assert client.address.encode() not in trail().body


def test_no_key_that_is_made_during_a_reset_outlives_it(served: Deployment, processes: list[str]) -> None:
    """19: by whoever holds a confirmed session, from many connections."""
    person, keys = served.person().confirm(), []

    def make(number: int) -> Callable[[], None]:
        client = person.client.at(processes[number % len(processes)])

        def run() -> None:
            answer = client.post("/auth/keys", {"name": "a key", "scopes": ["write"]})
            if answer.status == 201:
                keys.append(answer.json["key"])

        return run

    until(reset(served, person), *(make(number) for number in range(6)))

    assert keys, "the control: there were keys before the reset"

    def all_dead() -> bool:
        return all(served.client().with_token(key).get("/auth/me").status == 401 for key in keys)

    assert within(1, all_dead)


def test_one_password_is_changed_once_by_many_who_know_it(served: Deployment, processes: list[str]) -> None:
    """On PostgreSQL what is joined to a locked row is as old as the wait for the lock."""
    for _ in range(3):
        person = served.person()

        def change(number: int, person: Person = person) -> Callable[[], Answer]:
            body = {"current_password": person.password, "new_password": new_password()}
            client = person.client.at(processes[number % len(processes)])
            return lambda: client.post("/auth/password/change", body)

        answers = at_once(*(change(number) for number in range(4)))

        assert [answer.status for answer in answers].count(204) == 1, answers


def test_no_address_is_moved_while_the_account_is_disabled(served: Deployment) -> None:
    person, theirs = served.person().confirm(), new_email("thief")
    assert person.client.patch("/auth/me", {"email": theirs}).status == 200
    token = served.mailbox.link(theirs, "email")
    assert served.admin.client.patch(f"/users/{person.id}", {"disabled": True}).status == 200

    refused = served.client().post("/auth/email/verify", {"token": token})

    assert refused.status == 422, refused
    assert refused.pointers == ["/token"]
    assert served.rows("SELECT email FROM meze_users WHERE id = :id", id=person.id) == [(person.email,)]


def test_sessions_of_one_person_are_bounded(served: Deployment) -> None:
    person = served.person()
    for _ in range(105):
        assert person.attempt().status == 200
    latest = person.sign_in(person.client)

    assert len(latest.client.get("/auth/sessions").json["items"]) == 100
