"""Checks 30 to 32: tokens follow one another in one session, which ends when told to and when its time is over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from contracts.accounts.calling import Answer, at_once
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import ELSEWHERE_SECONDS, Deployment, Person, within

DAY = 86_400


def tokens(answer: Answer) -> tuple[str, str]:
    assert answer.status == 200, answer
    return answer.json["access_token"], answer.json["refresh_token"]


def session_count(served: Deployment, person: Person) -> int:
    return int(served.rows("SELECT count(*) FROM meze_sessions WHERE user_id = :id", id=person.id)[0][0])


def let_the_grace_pass(served: Deployment, person: Person) -> None:
    """Move the moment at which the tokens were rotated into the past: eleven seconds, of the ten that are granted."""
    served.change("UPDATE meze_sessions SET rotated_at = rotated_at - 11 WHERE user_id = :id", id=person.id)


def test_an_answer_to_signing_in_is_the_one_that_clients_expect(served: Deployment) -> None:
    person = served.person()
    answer = person.attempt()

    shown = answer.json
    assert set(shown) == {"user", "access_token", "refresh_token", "token_type", "expires_in"}
    assert (shown["token_type"], shown["expires_in"]) == ("Bearer", 900)
    assert set(shown["user"]) == {"id", "email", "name", "roles", "email_verified", "created_at"}
    assert re.fullmatch(r"meze_access_\w{60,}", shown["access_token"])
    assert answer.header("Cache-Control") == "no-store"
    assert not answer.all("Set-Cookie")


def test_refreshing_gives_new_tokens_in_the_same_session(served: Deployment) -> None:
    """30"""
    person = served.person()

    access, refresh = tokens(person.refresh())

    assert (access, refresh) != (person.access_token, person.refresh_token)
    assert person.client.with_token(access).get("/auth/me").json["id"] == person.id
    assert session_count(served, person) == 1


def test_a_retry_within_ten_seconds_gets_the_same_tokens_again(served: Deployment) -> None:
    """30: an answer may be lost on its way."""
    person = served.person()

    first, again = tokens(person.refresh()), tokens(person.refresh())

    assert first == again
    assert person.client.with_token(again[0]).get("/auth/me").status == 200
    assert session_count(served, person) == 1


def test_a_used_refresh_token_that_comes_later_ends_the_whole_family(served: Deployment) -> None:
    """30"""
    person = served.person()
    other = person.sign_in()
    thief = person.holding(person.refresh())
    let_the_grace_pass(served, person)

    answer = person.refresh()

    assert answer.status == 401, answer
    assert "meze_" not in answer.body.decode()
    assert not thief.known
    assert thief.refresh().status == 401
    assert other.known, "another session is another family"
    assert within(ELSEWHERE_SECONDS, lambda: thief.client.at(served.urls[1]).get("/auth/me").status == 401)


def test_a_token_from_two_rotations_ago_never_opens_a_session(served: Deployment) -> None:
    """30"""
    person = served.person()
    second = person.holding(person.refresh())
    let_the_grace_pass(served, person)
    third = second.holding(second.refresh())

    assert person.refresh().status == 401
    assert not third.known
    assert third.refresh().status == 401


def test_after_a_retry_the_family_goes_on_and_its_end_reaches_both(served: Deployment) -> None:
    """30"""
    person = served.person()
    kept, lost = person.holding(person.refresh()), person.holding(person.refresh())

    after = kept.holding(kept.refresh())
    assert after.client.post("/auth/logout").status == 204

    assert [each.known for each in (person, kept, lost, after)] == [False] * 4
    assert [each.refresh().status for each in (person, kept, lost, after)] == [401] * 4


def test_twenty_refreshes_at_once_with_one_token_give_one_pair(served: Deployment, processes: list[str]) -> None:
    """30, must show 2"""
    person = served.person()

    def refresh(number: int) -> Callable[[], Answer]:
        client = served.client().at(processes[number % len(processes)])
        return lambda: client.post("/auth/refresh", {"refresh_token": person.refresh_token})

    answers = at_once(*(refresh(number) for number in range(20)))

    given = {tokens(answer) for answer in answers if answer.status == 200}
    assert {answer.status for answer in answers} <= {200, 401, 429, 503}, answers
    assert len(given) == 1
    assert session_count(served, person) == 1
    access, refresh_token = given.pop()
    assert person.client.with_token(access).get("/auth/me").status == 200
    assert person.client.post("/auth/refresh", {"refresh_token": refresh_token}).status == 200


def test_a_request_under_way_with_the_former_access_token_is_still_answered(served: Deployment) -> None:
    """30: refreshing does not fail what the same client does beside it."""
    person = served.person()

    assert person.refresh().status == 200

    assert person.client.get("/auth/me").status == 200


def test_signing_out_ends_both_tokens_at_once(served: Deployment) -> None:
    """31"""
    person = served.person()
    other = person.sign_in()
    elsewhere = person.client.at(served.urls[1])
    assert elsewhere.get("/auth/me").status == 200

    assert person.client.post("/auth/logout").status == 204

    refused = person.client.get("/auth/me")
    assert (refused.status, refused.code) == (401, "token_revoked")
    assert person.refresh().status == 401
    assert within(ELSEWHERE_SECONDS, lambda: elsewhere.get("/auth/me").status == 401)
    assert other.known
    assert other.refresh().status == 200


def test_signing_out_everywhere_ends_every_session(served: Deployment) -> None:
    """31"""
    person = served.person()
    sessions = [person, person.sign_in(), person.sign_in()]

    assert sessions[1].client.post("/auth/logout-all").status == 204

    assert [each.known for each in sessions] == [False] * 3
    assert [each.refresh().status for each in sessions] == [401] * 3
    elsewhere = [each.client.at(served.urls[1]) for each in sessions]
    assert within(ELSEWHERE_SECONDS, lambda: all(client.get("/auth/me").status == 401 for client in elsewhere))
    assert person.attempt(served.client()).status == 200


def test_a_session_is_listed_and_one_is_ended(served: Deployment) -> None:
    """31"""
    person, stranger = served.person(), served.person()
    other = person.sign_in()
    listed = person.client.get("/auth/sessions").json["items"]
    assert [each["current"] for each in listed].count(True) == 1
    assert len(listed) == 2
    address = next(each["address"] for each in listed if not each["current"])
    assert address == other.client.address
    other_id = next(each["id"] for each in listed if not each["current"])

    assert stranger.client.delete(f"/auth/sessions/{other_id}").status == 404
    assert other.known
    assert person.client.delete(f"/auth/sessions/{other_id}").status == 204

    assert not other.known
    assert person.known
    assert other.refresh().status == 401
    assert person.client.delete(f"/auth/sessions/{other_id}").status == 404


def test_an_access_token_ends_and_refreshing_goes_on(deploy: Deploy) -> None:
    """32: the one answer that clients refresh on."""
    served = deploy(servers=1, MEZE_ACCESS_TOKEN_MINUTES="0.02")
    person = served.person()
    assert person.known
    time.sleep(1.3)

    expired = person.client.get("/auth/me")

    assert (expired.status, expired.code) == (401, "token_expired")
    assert person.client.get("/cities").code == "token_expired", "refused even where anyone may read"
    assert person.holding(person.refresh()).known


def test_a_session_that_nobody_uses_ends(deploy: Deploy) -> None:
    """32"""
    served = deploy(servers=1, MEZE_SESSION_IDLE_DAYS=str(2.5 / DAY))
    idle, used = served.person(), served.person()
    for _ in range(3):
        time.sleep(1)
        used = used.holding(used.refresh())

    assert idle.refresh().status == 401
    assert not idle.known
    assert used.known


def test_a_session_ends_however_much_it_is_used(deploy: Deploy) -> None:
    """32"""
    served = deploy(servers=1, MEZE_SESSION_DAYS=str(3 / DAY))
    person = served.person()
    started = time.monotonic()
    while time.monotonic() < started + 2:
        time.sleep(0.5)
        person = person.holding(person.refresh())
    assert person.known
    time.sleep(max(0, started + 3.3 - time.monotonic()))

    assert person.refresh().status == 401
    assert not person.known


def test_a_cookie_session_ends_too(deploy: Deploy) -> None:
    """32"""
    served = deploy(servers=1, MEZE_SESSION_DAYS=str(1.5 / DAY))
    person = served.person()
    browser = served.client().post("/auth/login?session=cookie", {"email": person.email, "password": person.password})
    cookie = "; ".join(each.partition(";")[0] for each in browser.all("Set-Cookie"))
    assert served.client().get("/auth/me", headers={"Cookie": cookie}).status == 200
    time.sleep(1.8)

    assert served.client().get("/auth/me", headers={"Cookie": cookie}).status == 401
