"""Check 58 for accounts, and what must hold whichever of two things that happen at once comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable

from contracts.accounts.calling import Answer, at_once
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import Deployment, Person, new_email, new_password, within


def test_of_twenty_who_register_one_address_at_once_one_has_it(served: Deployment, processes: list[str]) -> None:
    """58, 26: in whatever spelling."""
    email = new_email("wanted")
    spellings = [email, email.upper(), email.title(), email.replace("a", "ａ")]

    def register(number: int) -> Callable[[], Answer]:
        client = served.client().at(processes[number % len(processes)])
        body = {"email": spellings[number % len(spellings)], "password": new_password()}
        return lambda: client.post("/auth/register", body)

    answers = at_once(*(register(number) for number in range(20)))

    statuses = [answer.status for answer in answers]
    assert statuses.count(201) == 1, answers
    assert set(statuses) <= {201, 409, 429, 503}, answers


def test_of_ten_uses_of_an_invitation_at_once_one_makes_an_account(served: Deployment, processes: list[str]) -> None:
    """58: and only for the address that was invited."""
    email = new_email("invited")
    assert served.admin.client.post("/auth/invitations", {"email": email, "roles": ["editor"]}).status == 201
    invitation = served.mailbox.link(email, "invitation")
    body = {"email": email, "password": new_password(), "invitation": invitation}
    foreign = served.client().post("/auth/register", body | {"email": new_email("stranger")})
    assert (foreign.status, foreign.pointers) == (422, ["/email"])

    def accept(number: int) -> Callable[[], Answer]:
        client = served.client().at(processes[number % len(processes)])
        return lambda: client.post("/auth/register", body)

    answers = at_once(*(accept(number) for number in range(10)))

    made = [answer for answer in answers if answer.status == 201]
    assert len(made) == 1, answers
    assert made[0].json["user"]["roles"] == ["editor"]
    assert made[0].json["user"]["email_verified"] is True
    assert {answer.status for answer in answers} <= {201, 409, 422, 429, 503}, answers


def test_two_admins_who_remove_each_other_at_once_leave_one(deploy: Deploy, database_kind: str) -> None:
    """25: on two servers, by three ways of removing."""
    served = deploy(database=database_kind)
    first, second = served.admin, served.person("second")
    assert first.client.patch(f"/users/{second.id}", {"roles": ["admin"]}).status == 200
    ways: list[Callable[[Person, Person], Answer]] = [
        lambda by, whom: by.client.patch(f"/users/{whom.id}", {"roles": []}),
        lambda by, whom: by.client.patch(f"/users/{whom.id}", {"disabled": True}),
        lambda by, whom: by.client.delete(f"/users/{whom.id}"),
    ]
    for way in ways:
        there = Person(served, second.email, second.password, second.client.at(served.urls[1]), second.id)

        answers = at_once(lambda: way(first, there), lambda: way(there, first))  # noqa: B023 - called at once

        assert sorted(answer.status // 100 for answer in answers) == [2, 4], answers
        admins = served.rows("SELECT id, roles FROM meze_users WHERE NOT disabled")
        left = [number for number, roles in admins if "admin" in str(roles)]
        assert len(left) == 1
        if way is ways[-1]:
            return
        kept, lost = (first, second) if left == [first.id] else (second, first)
        kept = kept.sign_in(kept.client.at(served.urls[0]).elsewhere())
        assert kept.client.patch(f"/users/{lost.id}", {"roles": ["admin"], "disabled": False}).status == 200
        first, second = kept, lost.sign_in(lost.client.at(served.urls[0]).elsewhere())


def test_no_sign_in_with_the_old_password_outlives_a_reset(served: Deployment, processes: list[str]) -> None:
    """19: not even one whose password was looked at before the reset, and whose session began after it."""
    person = served.person()
    assert served.client().post("/auth/password/forgot", {"email": person.email}).status == 202
    token = served.mailbox.link(person.email, "reset")
    begun, over = [], threading.Event()

    def keep_signing_in(number: int) -> Callable[[], None]:
        url = processes[number % len(processes)]

        def run() -> None:
            while not over.is_set():
                answer = person.attempt(served.client().at(url))
                if answer.status == 200:
                    begun.append(answer.json["access_token"])

        return run

    def reset() -> None:
        try:
            assert within(10, lambda: len(begun) > 5)
            body = {"token": token, "new_password": new_password()}
            assert served.client().post("/auth/password/reset", body).status == 204
        finally:
            over.set()

    at_once(reset, *(keep_signing_in(number) for number in range(4)))

    assert len(begun) > 5, "the control: there were sign-ins before the reset"

    def all_dead() -> bool:
        asked = [served.client().at(url).with_token(each) for each in begun for url in processes]
        return all(client.get("/auth/me").status == 401 for client in asked)

    assert within(1, all_dead)
    assert served.rows(
        "SELECT count(*) FROM meze_sessions WHERE user_id = :id AND revoked_at IS NULL", id=person.id
    ) == [(0,)]


def test_no_refresh_outlives_signing_out(served: Deployment, processes: list[str]) -> None:
    """31, 30"""
    for _ in range(5):
        person = served.person()
        elsewhere = person.client.at(processes[-1]).with_token(None)

        def refresh(client=elsewhere, token=person.refresh_token) -> Answer:  # type: ignore[no-untyped-def]  # bound now
            return client.post("/auth/refresh", {"refresh_token": token})

        def sign_out(client=person.client) -> Answer:  # type: ignore[no-untyped-def]  # bound now
            return client.post("/auth/logout")

        answers = at_once(refresh, sign_out, refresh)

        assert answers[1].status in (204, 401)
        if answers[1].status == 401:
            continue
        for answer in (answers[0], answers[2]):
            if answer.status == 200:
                late = person.holding(answer)
                assert within(1, lambda late=late: not late.known)  # type: ignore[misc]  # bound now
                assert late.refresh().status == 401


def test_two_accounts_that_move_to_one_address_at_once_do_not_both_get_it(
    served: Deployment, processes: list[str]
) -> None:
    """58, 26"""
    people, wanted = [served.person().confirm(), served.person().confirm()], new_email("wanted")
    links = []
    for person in people:
        seen = len(served.mailbox.to(wanted))
        assert person.client.patch("/auth/me", {"email": wanted}).status == 200
        links.append(served.mailbox.link(wanted, "email", after=seen))

    def verify(number: int) -> Callable[[], Answer]:
        client = served.client().at(processes[number % len(processes)])
        return lambda: client.post("/auth/email/verify", {"token": links[number]})

    answers = at_once(verify(0), verify(1))

    assert sorted(answer.status for answer in answers) in ([204, 409], [204, 422]), answers
    assert served.rows("SELECT count(*) FROM meze_users WHERE email = :email", email=wanted) == [(1,)]
