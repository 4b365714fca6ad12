"""What every flow of an account works with: signing in, and recovering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meze.accounts.attempts import Attempts
from meze.accounts.methods import Methods
from meze.accounts.outbox import Outbox
from meze.accounts.passwords import Passwords
from meze.accounts.people import People
from meze.accounts.second_factor import SecondFactor
from meze.accounts.sessions import Sessions
from meze.accounts.storage import Storage
from meze.settings import Registration


@dataclass(frozen=True, repr=False)
class Flow:
    """A flow has these parts. `service` is the name of the program, `clock` gives seconds since 1970."""

    storage: Storage
    people: People
    sessions: Sessions
    passwords: Passwords
    attempts: Attempts
    factor: SecondFactor
    outbox: Outbox
    methods: Methods
    registration: Registration
    service: str
    clock: Callable[[], float]
