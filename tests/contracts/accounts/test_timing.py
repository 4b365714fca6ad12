"""Check 17 and "must show" 3: how long a refused login takes does not tell whether there is such an account."""

from __future__ import annotations

import statistics
import time

import pytest
from scipy.stats import mannwhitneyu

from contracts.accounts.calling import Client, fresh_address
from contracts.accounts.conftest import Deploy
from contracts.accounts.deployment import Deployment, new_email, new_password

LOGINS = 300
P = 0.01
HASHING = "m=8192,t=1,p=1"
# 300 failures of one account would be more than a limit allows: each kind of account has as many as this.
ACCOUNTS = 30


@pytest.fixture
def timed(deploy: Deploy) -> Deployment:
    """One server whose hashing costs what can be measured: about ten milliseconds, far above all the rest."""
    return deploy(servers=1, MEZE_PASSWORD_HASHING=HASHING)


def test_a_refused_login_takes_as_long_for_every_kind_of_account(timed: Deployment) -> None:
    """17, must show 3: 300 logins of each kind, interleaved.

    The machine is shared, so a comparison that fails is measured again, afresh, at most twice. If the times are alike,
    each of the two comparisons fails by chance in 1 of 100 measurements, and in 1 of 1,000,000 three times over; a
    difference that shows in 90 of 100 measurements passes in 271 of 1,000, so it shows up in most runs.
    """
    known = [timed.person("known").email for _ in range(ACCOUNTS)]
    passwordless = [without_password(timed) for _ in range(ACCOUNTS)]
    unknown = [new_email("unknown") for _ in range(ACCOUNTS)]

    for kind in (passwordless, unknown):
        measured = []
        while len(measured) < 3 and (not measured or measured[-1][0] <= P):
            first, second = interleaved(timed, known, kind)
            measured.append((mannwhitneyu(first, second).pvalue, statistics.median(first), statistics.median(second)))
        assert measured[-1][0] > P, measured


def without_password(timed: Deployment) -> str:
    email = new_email("invited")
    answer = timed.admin.client.post("/users", {"email": email})
    assert answer.status == 201, answer
    return email


def interleaved(timed: Deployment, *kinds: list[str]) -> list[list[float]]:
    """Return the seconds that each login of each kind took, one kind after the other in turn."""
    for emails in kinds:
        seconds_of_login(timed.client(), emails[0])
    times: list[list[float]] = [[] for _ in kinds]
    for number in range(LOGINS):
        order = range(len(kinds)) if number % 2 else reversed(range(len(kinds)))
        for kind in order:
            client = Client(timed.urls[0], fresh_address())
            times[kind].append(seconds_of_login(client, kinds[kind][number % ACCOUNTS]))
    return times


def seconds_of_login(client: Client, email: str) -> float:
    body = {"email": email, "password": new_password()}
    started = time.perf_counter()
    answer = client.post("/auth/login", body)
    taken = time.perf_counter() - started
    assert (answer.status, answer.code) == (401, "bad_credentials"), answer
    return taken
