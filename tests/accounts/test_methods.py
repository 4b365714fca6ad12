"""Each way to prove who one is, through the table that they are rows of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from accounts.second_factors import CHEAP, Accounts, Clock, make_accounts
from meze.accounts.methods import METHODS, Claim, Proven, Stage
from meze.accounts.methods.password import Password
from meze.accounts.passwords import Passwords, Verdict
from meze.accounts.tables import PASSWORDS, User
from meze.databases import Database

ANNA, BEN = 1, 2
PASSWORD = "four words and a comma"
DEARER = "m=128,t=1,p=1"


@pytest.fixture
def accounts(database: Database) -> Accounts:
    make_accounts(database, "anna@example.com", "ben@example.com")
    made = Accounts(database, Clock())
    hashed = made.passwords.hash(PASSWORD)
    with made.storage.writing() as work:
        work.add(PASSWORDS, user_id=ANNA, hash=hashed.hash, cost=hashed.cost, changed_at=1.0)
    return made


def test_every_method_has_a_name_of_its_own_and_says_where_its_proof_is():
    assert [(row.name, row.stage, row.field) for row in METHODS] == [
        ("password", Stage.FIRST, "password"),
        ("one_time_code", Stage.SECOND, "code"),
        ("recovery_code", Stage.SECOND, "code"),
    ]


class Watched(Passwords):
    """Passwords that keep for whom and against what they were checked; `meanwhile` happens while one is."""

    def __init__(self, accounts: Accounts, cost: str = CHEAP) -> None:
        super().__init__(accounts.storage, accounts.keyring, threads=8, configured=cost)
        self.asked: list[tuple[str | None, str]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def check(self, password: str, stored: str | None, who: str) -> Verdict:
        self.asked.append((stored, who))
        self.meanwhile()
        return super().check(password, stored, who)


def stored(accounts: Accounts):
    with accounts.storage.reading() as work:
        return work.rows(select(PASSWORDS.c.hash, PASSWORDS.c.cost, PASSWORDS.c.changed_at))


def test_a_right_password_proves_its_user(accounts):
    claim = Claim(ANNA, "anna@example.com")

    assert accounts.methods.prove(claim, "password", PASSWORD, Stage.FIRST) == Proven(ANNA, "password")
    assert accounts.methods.prove(claim, "password", "wrong", Stage.FIRST) is None
    assert accounts.methods.prove(claim, "code", PASSWORD, Stage.FIRST, Stage.SECOND) is None
    assert accounts.methods.prove(claim, "password", PASSWORD, Stage.SECOND) is None


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(Claim(None, "nobody@example.com"), id="unknown"),
        pytest.param(Claim(BEN, "ben@example.com"), id="without-a-password"),
        pytest.param(Claim(ANNA, "anna@example.com"), id="disabled"),
    ],
)
def test_who_may_not_sign_in_costs_a_check_too(accounts, database, claim):
    watched = Watched(accounts)
    with database.engine.begin() as connection:
        connection.execute(update(User).values(disabled=True))

    assert Password(accounts.storage, watched).prove(claim, PASSWORD) is None
    assert watched.asked == [(None, claim.email)]


def test_a_password_is_stored_again_at_todays_cost_when_it_was_right(accounts):
    dearer = Password(accounts.storage, Watched(accounts, DEARER))
    before = stored(accounts)

    assert dearer.prove(Claim(ANNA), "wrong") is None
    assert stored(accounts) == before
    assert dearer.prove(Claim(ANNA), PASSWORD) == ANNA
    [(_, cost, changed_at)] = stored(accounts)
    assert (cost, changed_at) == (DEARER, 1.0)  # it is the same password, so it was not changed
    assert dearer.prove(Claim(ANNA), PASSWORD) == ANNA


def test_a_password_that_was_changed_meanwhile_is_not_undone(accounts):
    watched = Watched(accounts, DEARER)

    def change() -> None:
        with accounts.storage.writing() as work:
            work.execute(update(PASSWORDS).values(hash="another", changed_at=2.0))

    watched.meanwhile = change

    Password(accounts.storage, watched).prove(Claim(ANNA), PASSWORD)

    assert stored(accounts) == [("another", CHEAP, 2.0)]


def test_a_code_is_asked_for_at_its_stage_and_in_its_field_alone(accounts):
    _, codes = accounts.confirmed(ANNA)
    prove = accounts.methods.prove

    assert prove(Claim(ANNA), "code", codes[0], Stage.FIRST) is None
    assert prove(Claim(ANNA), "password", codes[0], Stage.FIRST, Stage.SECOND) is None
    assert prove(Claim(), "code", codes[0], Stage.SECOND) is None
    assert accounts.left(ANNA) == 10
    assert prove(Claim(ANNA), "code", codes[0], Stage.FIRST, Stage.SECOND) == Proven(ANNA, "recovery_code")
