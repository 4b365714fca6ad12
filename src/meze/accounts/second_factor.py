"""The second factor: an authenticator app, with recovery codes for who has lost it.

    begin ──▶ Setup ──confirm──▶ ten recovery codes        setting it up: nothing is asked for until it is confirmed
    ask ──▶ mfa_token ──answer──▶ who, and by which method  signing in, after a right password

How codes look is decided in `totp.py` and `recovery_codes.py`, how they are proved in `methods/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Double, Integer, Text, bindparam, delete, null, select, update
from sqlalchemy.sql import ClauseElement

from meze import errors
from meze.accounts import credentials, pending_sign_in, recovery_codes, totp
from meze.accounts.credentials import Credentials
from meze.accounts.keyring import Keyring
from meze.accounts.methods import Claim, Methods, Stage
from meze.accounts.methods.one_time_code import PURPOSE, step_of_sealed
from meze.accounts.storage import Also, Row, Storage, Work, nothing_else
from meze.accounts.tables import FACTORS
from meze.errors import AlreadyExists, BadCredentials, Entry, Invalid, Mistake


class WrongCode(BadCredentials):
    """A wrong code after a right password; `last` says that the token takes no more. The client is told no more."""

    def __init__(self, user_id: int, *, last: bool) -> None:
        self.user_id = user_id
        self.last = last
        super().__init__(WRONG_PROOF)


Then = Callable[[Work, Credentials, str], object]

BATCH = 100
NAMED = 10

_OF_USER = FACTORS.c.user_id == bindparam("of_user", type_=Integer)
_UNCONFIRMED = (_OF_USER, FACTORS.c.confirmed_at.is_(None))
_ENABLED = select(FACTORS.c.user_id).where(_OF_USER, FACTORS.c.confirmed_at.is_not(None))
_BEGUN = select(FACTORS.c.secret).where(*_UNCONFIRMED).with_for_update()
_CONFIRM = (
    update(FACTORS)
    .where(*_UNCONFIRMED)
    .values(confirmed_at=bindparam("now", type_=Double), last_step=bindparam("step", type_=Integer))
)
_REMOVE = delete(FACTORS).where(_OF_USER)
_BATCH = (
    select(FACTORS.c.user_id, FACTORS.c.secret)
    .where(FACTORS.c.user_id > bindparam("after", type_=Integer))
    .order_by(FACTORS.c.user_id)
    .limit(BATCH)
)
_REENCRYPT = (
    update(FACTORS)
    .where(_OF_USER, FACTORS.c.secret == bindparam("read", type_=Text))
    .values(secret=bindparam("written", type_=Text))
)


@dataclass(frozen=True, slots=True, repr=False)
class Setup:
    """What an authenticator app takes in: the same as an address and as a picture. It holds the secret."""

    otpauth_url: str
    svg: str


class SecondFactor:
    """The second factors of all accounts. `issuer` is what authenticator apps call this service."""

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        methods: Methods,
        *,
        issuer: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._storage = storage
        self._keyring = keyring
        self._methods = methods
        self._issuer = issuer
        self._clock = clock

    def begin(self, user_id: int, email: str, also: Also = nothing_else) -> Setup:
        """Make a new secret, which replaces one that was never confirmed. `also` is done in the same transaction.

        Raises:
            AlreadyExists: the account has a second factor; it is removed before another one is set up.
        """
        secret = totp.new_secret()
        sealed = self._keyring.encrypt(PURPOSE, secret)
        with self._storage.writing() as work:
            also(work)
            begin = self._storage.kept("second_factor_begin", _begin)
            if work.execute(begin, of_user=user_id, new_secret=sealed, now=self._clock()) == 0:
                raise AlreadyExists(ALREADY_ON)
        url = totp.otpauth_url(secret, email, self._issuer)
        return Setup(url, totp.qr_svg(url))

    def confirm(self, user_id: int, code: str, also: Also = nothing_else) -> list[str]:
        """Switch the factor on, by a code that shows that the app has the secret; the code is used up by it.

        Returns ten recovery codes. They are shown once, and take the place of all earlier ones. `also` is done in the
        same transaction.

        Raises:
            Invalid: the code is wrong, or nothing was begun.
        """
        digits = totp.read_code(code)
        now = self._clock()
        with self._storage.writing() as work:
            also(work)
            begun = work.row(_BEGUN, of_user=user_id)
            if begun is None:
                raise Invalid([Entry("no_such_row", pointer="/code", text=NOTHING_BEGUN)])
            step = digits and step_of_sealed(self._keyring, user_id, begun[0], digits, now)
            if not step:
                raise Invalid([Entry("bad_format", pointer="/code", text=WRONG_CODE)])
            work.execute(_CONFIRM, of_user=user_id, now=now, step=step)
            return recovery_codes.replace(work, user_id)

    def enabled(self, work: Work, user_id: int) -> bool:
        """Say whether signing in asks for a second factor."""
        return work.row(_ENABLED, of_user=user_id) is not None

    def remove(self, work: Work, user_id: int) -> None:
        """Switch the factor off, or give up setting it up; the recovery codes go with it."""
        work.execute(_REMOVE, of_user=user_id)
        recovery_codes.forget(work, user_id)

    def codes_left(self, work: Work, user_id: int) -> int:
        """Return how many recovery codes are still good."""
        return recovery_codes.left(work, user_id)

    def prove(self, user_id: int, code: str) -> str | None:
        """Use up a code, of the app or for recovery. Returns the name of its method, None where it is wrong."""
        proven = self._methods.prove(Claim(user_id), "code", code, Stage.SECOND)
        return None if proven is None else proven.method

    def ask(self, work: Work, user_id: int) -> str:
        """Return an `mfa_token`, for who gave a right password: good for five minutes and five attempts."""
        return pending_sign_in.begin(work, user_id, self._clock())

    def answer(
        self,
        mfa_token: str,
        code: str,
        then: Then = lambda *_: None,
        may_guess: Callable[[int], bool] = lambda _: True,
    ) -> tuple[int, str]:
        """Use up an `mfa_token` and a code. Returns whose they are, and the name of the code's method.

        `may_guess` is asked whether a code of the app may be looked at; recovery codes are too long to be guessed.
        `then` gets both, in the transaction that uses the token up: a password that was changed before has voided it.

        Raises:
            BadCredentials: whatever is wrong with either, without saying what; WrongCode where the token is good.
        """
        with self._storage.writing() as work:
            pending = pending_sign_in.attempt(work, mfa_token, self._clock())
        if pending is None:
            raise BadCredentials(WRONG_PROOF)
        looked_at = totp.read_code(code) is None or may_guess(pending.user_id)
        method = self.prove(pending.user_id, code) if looked_at else None
        if method is None:
            raise WrongCode(pending.user_id, last=pending.last)
        with self._storage.writing() as work:
            # The user first, as whoever changes a password does: in another order the two would wait for each other.
            account = credentials.locked(work, pending.user_id)
            if account is None or account.disabled or not pending_sign_in.finish(work, pending, self._clock()):
                raise BadCredentials(WRONG_PROOF)
            then(work, account, method)
        return pending.user_id, method

    def reencrypt(self) -> int:
        """Encrypt every secret with the present SECRET_KEY, after which its fallbacks may go. Returns how many.

        Raises:
            Mistake: some were encrypted with a key that is not known any more. All others were done.
        """
        done, lost, last = 0, list[int](), 0
        while True:
            with self._storage.reading() as work:
                batch = work.rows(_BATCH, after=last)
            if not batch:
                break
            last = batch[-1][0]
            done += self._reencrypt(batch, lost)
        if lost:
            raise _unreadable(lost, done)
        return done

    def _reencrypt(self, batch: list[Row], lost: list[int]) -> int:
        written = []
        for user_id, sealed in batch:
            try:
                written.append((user_id, sealed, self._keyring.reencrypt(PURPOSE, sealed)))
            except ValueError:
                lost.append(user_id)
        with self._storage.writing() as work:
            # A secret that was replaced meanwhile is under the present key already, and is left alone.
            return sum(work.execute(_REENCRYPT, of_user=of, read=read, written=new) for of, read, new in written)


ALREADY_ON = errors.Text("The account has a second factor already.", "该账户已启用第二因素。")
NOTHING_BEGUN = errors.Text("No second factor is being set up.", "没有正在设置的第二因素。")
WRONG_CODE = errors.Text(
    "Must be the code that the authenticator shows now; check that its clock is right.",
    "必须是身份验证器当前显示的验证码；请检查设备的时间是否准确。",
)
WRONG_PROOF = errors.Text("The code is not right, or came too late.", "验证码不正确，或已超时。")


def _begin(insert: Any) -> ClauseElement:
    values = {
        "secret": bindparam("new_secret", type_=Text),
        "created_at": bindparam("now", type_=Double),
        "confirmed_at": null(),
        "last_step": null(),
    }
    adding = insert(FACTORS).values(user_id=bindparam("of_user", type_=Integer), **values)
    replaced: ClauseElement = adding.on_conflict_do_update(
        index_elements=[FACTORS.c.user_id],
        set_={name: adding.excluded[name] for name in values},
        where=FACTORS.c.confirmed_at.is_(None),
    )
    return replaced


def _unreadable(lost: list[int], done: int) -> Mistake:
    named = ", ".join(map(str, lost[:NAMED])) + (", …" if len(lost) > NAMED else "")
    return Mistake(
        f"{len(lost)} second factors were encrypted with a key that is not known any more (of the users {named}); "
        f"{done} others were re-encrypted",
        "add the earlier SECRET_KEY to SECRET_KEY_FALLBACKS and run this again, "
        "or remove the second factors of those users",
    )
