"""Check 33: SECRET_KEY is replaced without signing anybody out, and what a removed key hid stays hidden.

That absent, short and well-known keys do not start in production is held in tests/cli/test_serve.py.
"""

from __future__ import annotations

from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import SECRET_KEY, Deployment, Person
from contracts.accounts.second_factors import Guarded, with_second_factor

NEW_KEY = "pX4gB9tQ2mLs7VdKc5WnR8yE3hJ6uZaFiT1oM"
BOTH = {"SECRET_KEY": NEW_KEY, "SECRET_KEY_FALLBACKS": SECRET_KEY}


def moved(person: Person, served: Deployment) -> Person:
    """The same person, calling the servers that were started since."""
    client = person.client.at(served.urls[0])
    return Person(served, person.email, person.password, client, person.id, person.refresh_token)


def moved_guarded(guarded: Guarded, served: Deployment) -> Guarded:
    return Guarded(moved(guarded.person, served), guarded.secret, guarded.recovery_codes, guarded.used_code)


def test_a_new_key_with_the_old_one_as_fallback_signs_nobody_out(deploy: Deploy) -> None:
    """33"""
    before = deploy(servers=1)
    person, guarded = before.person(), with_second_factor(before.person())
    key = person.key("read")
    refreshed = person.sign_in()
    first_pair = refreshed.refresh().json
    before.client().post("/auth/password/forgot", {"email": person.email})
    reset = before.mailbox.link(person.email, "reset")

    after = deploy(servers=1, database_url=before.database_url, **BOTH)
    person, guarded, refreshed = moved(person, after), moved_guarded(guarded, after), moved(refreshed, after)

    assert person.known
    assert person.client.with_token(key).get("/auth/me").status == 200
    assert refreshed.refresh().json["refresh_token"] == first_pair["refresh_token"], "a retry across the rotation"
    assert person.holding(person.refresh()).known
    assert guarded.answer(guarded.mfa_token(), guarded.code(1)).status == 200
    assert guarded.answer(guarded.mfa_token(), guarded.recovery_codes[0]).status == 200
    assert person.attempt(after.client()).status == 200
    body = {"token": reset, "new_password": "a walnut is nobody's fool"}
    assert after.client().post("/auth/password/reset", body).status == 204


def test_without_the_old_key_its_second_factors_are_unreadable_until_a_command_encrypts_them_anew(
    deploy: Deploy,
) -> None:
    """33: passwords and tokens are not made of the key, so they stay good. Nothing breaks."""
    before = deploy(servers=1)
    person, guarded = before.person(), with_second_factor(before.person())
    refreshed = person.sign_in()
    refreshed.refresh()

    without = deploy(servers=1, database_url=before.database_url, SECRET_KEY=NEW_KEY)
    person, guarded, refreshed = moved(person, without), moved_guarded(guarded, without), moved(refreshed, without)
    assert person.attempt(without.client()).status == 200
    assert person.known
    assert person.holding(person.refresh()).known
    assert refreshed.refresh().status == 401, "a retry that the old key would repeat gets no other pair"
    assert guarded.answer(guarded.mfa_token(), guarded.code(1)).status in (401, 503)
    by_recovery_code = guarded.answer(guarded.mfa_token(), guarded.recovery_codes[0])
    assert by_recovery_code.status == 200, "a recovery code is not made of the key"
    assert "Traceback" not in without.said()
    assert guarded.secret not in without.said()

    both = deploy(servers=1, database_url=before.database_url, **BOTH)
    stored = both.rows("SELECT secret FROM meze_factors")
    both.meze("user", "reencrypt")
    assert both.rows("SELECT secret FROM meze_factors") != stored
    after = deploy(servers=1, database_url=before.database_url, SECRET_KEY=NEW_KEY)
    guarded = moved_guarded(guarded, after)

    assert guarded.answer(guarded.mfa_token(), guarded.code(1)).status == 200
