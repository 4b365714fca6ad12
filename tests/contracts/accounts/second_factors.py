"""An authenticator as people carry one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pyotp

from contracts.accounts.calling import Answer, Client
from contracts.accounts.deployment import Person

STEP = 30


@dataclass
class Guarded:
    """Somebody whose account asks for a second factor. The code of the present step was used to switch it on."""

    person: Person
    secret: str
    recovery_codes: list[str]
    used_code: str

    def code(self, steps: int = 0) -> str:
        """Return the code that the authenticator shows so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + steps * STEP)

    def wrong_code(self) -> str:
        """Return six digits that are the code of no step near now."""
        near = {self.code(steps) for steps in range(-5, 6)}
        return next(f"{number:06}" for number in range(1_000_000) if f"{number:06}" not in near)

    def mfa_token(self, client: Client | None = None) -> str:
        """Give the right password and return what comes instead of a session."""
        answer = self.person.attempt(client or self.person.client.elsewhere())
        assert (answer.status, answer.code) == (401, "second_factor_required"), answer
        return str(answer.json["mfa_token"])

    def answer(self, mfa_token: str, code: str, client: Client | None = None) -> Answer:
        asking = (client or self.person.client.elsewhere()).with_token(None)
        return asking.post("/auth/login/second-factor", {"mfa_token": mfa_token, "code": code})


def with_second_factor(person: Person) -> Guarded:
    """Switch the second factor on."""
    person.confirm()
    setup = person.client.post("/auth/totp")
    assert setup.status == 200, setup
    secret = parse_qs(urlsplit(setup.json["otpauth_url"]).query)["secret"][0]
    code = pyotp.TOTP(secret).now()
    on = person.client.post("/auth/totp/confirm", {"code": code})
    assert on.status == 200, on
    return Guarded(person, secret, on.json["recovery_codes"], code)


def wait_for_a_step_to_begin(seconds: int = 5) -> None:
    """Wait, if need be, until the present time step goes on for some seconds more."""
    left = STEP - time.time() % STEP
    if left < seconds:
        time.sleep(left)
