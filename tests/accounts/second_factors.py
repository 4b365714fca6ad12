"""People with a second factor, for tests: their accounts, their authenticators and a clock that is set by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import pyotp
from sqlalchemy import MetaData, insert

from meze.accounts.keyring import Keyring
from meze.accounts.methods import Methods, Parts
from meze.accounts.passwords import Passwords
from meze.accounts.second_factor import SecondFactor
from meze.accounts.sessions import Sessions
from meze.accounts.storage import Storage
from meze.accounts.tables import User
from meze.databases import Database
from meze.databases.own import add_tables
from meze.settings import read_settings

SECRET_KEY = "a secret of more than thirty-two characters"
SETTINGS = read_settings(root=Path(__file__).parent, environ={}, overrides={"secret_key": SECRET_KEY})
CHEAP = "m=64,t=1,p=1"
NOON = 1_800_000_000.0  # a multiple of 30: a step of one-time codes begins
R = TypeVar("R")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Accounts:
    """The parts that second factors are made from, over one database."""

    def __init__(self, database: Database, clock: Clock, *secret_keys: str) -> None:
        self.clock = clock
        self.storage = Storage(database)
        self.keyring = Keyring(secret_keys or (SECRET_KEY,))
        self.passwords = Passwords(self.storage, self.keyring, threads=8, configured=CHEAP, clock=clock)
        self.sessions = Sessions(self.storage, self.keyring, SETTINGS, clock)
        self.methods = Methods(Parts(self.storage, self.keyring, clock, self.passwords))
        self.factor = SecondFactor(self.storage, self.keyring, self.methods, issuer="Trips & more", clock=clock)

    def confirmed(self, user_id: int) -> tuple[pyotp.TOTP, list[str]]:
        """Set up a factor that is on, a step ago: its present code is not used yet."""
        app = authenticator(self.factor.begin(user_id, "anna@example.com").otpauth_url)
        codes = self.factor.confirm(user_id, app.at(int(self.clock.now)))
        self.clock.now += 30
        return app, codes

    def asked(self, user_id: int) -> str:
        with self.storage.writing() as work:
            return self.factor.ask(work, user_id)

    def enabled(self, user_id: int) -> bool:
        with self.storage.reading() as work:
            return self.factor.enabled(work, user_id)

    def left(self, user_id: int) -> int:
        with self.storage.reading() as work:
            return self.factor.codes_left(work, user_id)


def authenticator(otpauth_url: str) -> pyotp.TOTP:
    """What an app makes of the address."""
    return pyotp.TOTP(parse_qs(urlsplit(otpauth_url).query)["secret"][0])


def make_accounts(database: Database, *emails: str) -> None:
    """Make Meze's tables, and a user for each address, with the ids 1, 2, …"""
    metadata = MetaData()
    add_tables(metadata)
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        for email in emails:
            connection.execute(insert(User).values(email=email))


def at_once(times: int, do: Callable[[int], R]) -> list[R | Exception]:
    """Call `do` with 0, 1, … in as many threads, which start together; an exception is a result like any other."""
    start = threading.Barrier(times)

    def one(number: int) -> R | Exception:
        start.wait()
        try:
            return do(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(one, range(times)))
