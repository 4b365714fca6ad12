"""Making an account, and signing in: by password, then by a second factor where the account has one.

What is refused says the same and costs the same whatever the reason: no such account, none that may sign in, no
password, another password.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from meze.access.caller import Caller
from meze.accounts import audit, credentials, links, totp
from meze.accounts.addresses import canonical, checked
from meze.accounts.attempts import Attempt, AttemptKind
from meze.accounts.credentials import Credentials
from meze.accounts.flow import Flow
from meze.accounts.methods import Claim, Proven, Stage
from meze.accounts.password_rules import LEAST, faults
from meze.accounts.passwords import Hashed
from meze.accounts.people import NewPerson, bad_email
from meze.accounts.second_factor import WrongCode
from meze.accounts.sessions import CookieSession, Pair, TokenReused
from meze.accounts.storage import Work
from meze.accounts.tokens import Token, TokenKind
from meze.accounts.visitor import Visitor
from meze.errors import (
    BadCredentials,
    ConfirmationRequired,
    Entry,
    Invalid,
    NotFound,
    RegistrationClosed,
    SecondFactorRequired,
    Text,
    TokenRevoked,
    TooManyRequests,
)

WRONG = Text("The e-mail or the password is not right.", "邮箱或密码不正确。")
WRONG_PROOF = Text("That is not right.", "验证信息不正确。")


class Carrier(Enum):
    """How a client carries its session: tokens that it keeps, or a cookie that the browser keeps."""

    TOKENS = "bearer"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """Who signed in, as the contract shows a caller, and what they go on with: `pair` or `cookie`."""

    user: dict[str, Any]
    pair: Pair | None = None
    cookie: CookieSession | None = None


class SignIn(Flow):
    """The ways into an account."""

    def register(
        self,
        email: str,
        password: str,
        name: str | None,
        invitation: str | None,
        visitor: Visitor,
        carrier: Carrier = Carrier.TOKENS,
    ) -> SignedIn | None:
        """Make an account and sign it in; None where its address must be proved first, whatever the address.

        Raises:
            RegistrationClosed: nobody may, or only who was invited.
            Invalid: the address, the password or the invitation is none.
            AlreadyExists: there is such an account, where registration is open.
        """
        if self.registration == "closed" or (self.registration == "invite" and invitation is None):
            raise RegistrationClosed
        self.attempts.begin(AttemptKind.REGISTRATION, canonical(email), visitor)
        token = None if invitation is None else _invitation(invitation)
        email = self._checked(email, password)
        if token is not None:
            return self._accept(token, email, self._hashed(password), name, visitor, carrier)
        hashed = self._hashed(password)
        if self.registration == "verified":
            self._ask_to_prove(email, hashed, name, visitor)
            return None
        with self.storage.writing() as work:
            user_id = self.people.add(work, NewPerson(email, name), hashed)
            audit.record(work, "registered", user_id, visitor)
            token_id = links.keep(work, TokenKind.EMAIL, self.clock(), user_id=user_id, data={"email": email})
            self.outbox.put(work, "verify_email", visitor.language, user_id=user_id, token_id=token_id)
            signed_in = self._begin(work, user_id, visitor, "password", carrier)
        self.outbox.wake()
        return signed_in

    def first_admin(
        self,
        token: str,
        email: str,
        password: str,
        name: str | None,
        visitor: Visitor,
        carrier: Carrier = Carrier.TOKENS,
    ) -> SignedIn:
        """Make the first admin by the one-time link.

        Raises:
            Invalid: the link is not good, which it is not once there has ever been an admin; or as for `register`.
        """
        read = links.expected(token, TokenKind.FIRST_ADMIN)
        email = self._checked(email, password)
        with self.storage.reading() as work:
            links.look(work, read, self.clock())
        hashed = self._hashed(password)
        with self.storage.writing() as work:
            person = NewPerson(email, name, roles=("admin",), verified=True)
            user_id = self.people.become_first_admin(work, read, person, hashed)
            audit.record(work, "registered", user_id, visitor)
            return self._begin(work, user_id, visitor, "password", carrier)

    def login(self, email: str, password: str, visitor: Visitor, carrier: Carrier = Carrier.TOKENS) -> SignedIn:
        """Sign in by password.

        Raises:
            BadCredentials: for every reason alike.
            SecondFactorRequired: the password is right; carries the token to send with a code.
            TooManyRequests: too much was tried, or too many passwords are being looked at just now.
        """
        who = canonical(email)
        attempt = self.attempts.begin(AttemptKind.PROOF, who, visitor)
        with self.storage.reading() as work:
            account = credentials.of_email(work, who)
        claim = Claim(account and account.user_id, who)
        proven = self._proven(attempt, claim, "password", password, Stage.FIRST)
        if proven is None or account is None:
            self._refused(account, visitor, alarming=attempt.alarming)
            raise BadCredentials(WRONG)
        asked: str | None = None
        with self.storage.writing() as work:
            # A password that was changed while it was looked at lets nobody in any more.
            if not account.still(credentials.locked(work, account.user_id)):
                raise BadCredentials(WRONG)
            if self.factor.enabled(work, account.user_id):
                asked = self.factor.ask(work, account.user_id)
            else:
                signed_in = self._begin(work, account.user_id, visitor, proven.method, carrier)
        if asked is not None:
            raise SecondFactorRequired(members={"mfa_token": asked})
        self.attempts.succeeded(attempt)
        self.outbox.wake()
        return signed_in

    def second_factor(self, mfa_token: str, code: str, visitor: Visitor, carrier: Carrier = Carrier.TOKENS) -> SignedIn:
        """Finish signing in with a code. Raises BadCredentials for whatever is wrong with token or code."""
        attempt = self.attempts.begin(AttemptKind.STEP, "", visitor)
        begun: list[tuple[str, SignedIn]] = []

        def begin(work: Work, account: Credentials, method: str) -> None:
            if method == "recovery_code":
                audit.record(work, "recovery_code_used", account.user_id, visitor)
            begun.append((account.canonical, self._begin(work, account.user_id, visitor, method, carrier)))

        try:
            user_id, _ = self.factor.answer(
                mfa_token, code, begin, lambda of_user: self.attempts.may_guess(of_user, visitor)
            )
        except WrongCode as wrong:
            tell = wrong.last and self.attempts.may_write_to(f"user:{wrong.user_id}", visitor)
            with self.storage.writing() as work:
                audit.record(work, "sign_in_failed", wrong.user_id, visitor)
                if tell:
                    self.outbox.put(work, "many_failures", visitor.language, user_id=wrong.user_id)
            self.outbox.wake()
            raise
        self.attempts.withdraw(attempt)
        self.attempts.guessed(user_id)
        who, signed_in = begun[0]
        self.attempts.forgive(AttemptKind.PROOF, who, visitor)
        self.outbox.wake()
        return signed_in

    def refresh(self, refresh_token: str, visitor: Visitor) -> SignedIn:
        """Go on with new tokens. Raises BadCredentials or TokenRevoked."""
        try:
            user_id, pair = self.sessions.refresh(refresh_token, visitor)
        except TokenReused as reused:
            with self.storage.writing() as work:
                audit.record(work, "token_reused", reused.user_id, visitor)
                self.outbox.put(work, "refresh_reuse", visitor.language, user_id=reused.user_id, data=_where(visitor))
            self.outbox.wake()
            raise
        return SignedIn(self.people.me(user_id), pair)

    def sign_out(self, caller: Caller, visitor: Visitor) -> None:
        """End the caller's session."""
        assert caller.id is not None
        if caller.session is not None:
            self.sessions.end(caller.id, caller.session, audit.recording("signed_out", caller.id, visitor))

    def sign_out_everywhere(self, caller: Caller, visitor: Visitor) -> None:
        """End every session of the caller, this one too."""
        assert caller.id is not None
        try:
            self.people.sign_out(caller.id, visitor)
        except NotFound:
            raise TokenRevoked from None

    def confirm(self, caller: Caller, password: str | None, code: str | None, visitor: Visitor) -> None:
        """Let this session change what an account is guarded by, for 10 minutes.

        Raises:
            BadCredentials: the password or the code is wrong.
        """
        assert caller.id is not None
        if caller.session is None:
            raise ConfirmationRequired
        self.prove(caller.id, password, code, visitor)
        self.sessions.confirm(caller.session, audit.recording("confirmed", caller.id, visitor))

    def prove(self, user_id: int, password: str | None, code: str | None, visitor: Visitor) -> None:
        """Ask somebody who is signed in to prove again who they are, by a password or a code.

        Guesses are counted with those of signing in. Raises BadCredentials.
        """
        with self.storage.reading() as work:
            account = credentials.of_user(work, user_id)
        if account is None:
            raise BadCredentials(WRONG_PROOF)
        attempt = self.attempts.begin(AttemptKind.PROOF, account.canonical, visitor)
        field, proof = ("password", password) if password is not None else ("code", code or "")
        claim = Claim(user_id, account.canonical)
        # A code of the app is short, and guessed at with every session that is stolen.
        guess = field == "code" and totp.read_code(proof) is not None
        proven = None
        if not guess or self.attempts.may_guess(user_id, visitor):
            proven = self._proven(attempt, claim, field, proof, Stage.FIRST, Stage.SECOND)
        if proven is None:
            self._refused(account, visitor, alarming=attempt.alarming)
            raise BadCredentials(WRONG_PROOF)
        if proven.method == "recovery_code":
            with self.storage.writing() as work:
                audit.record(work, "recovery_code_used", user_id, visitor)
        self.attempts.succeeded(attempt)
        if guess:
            self.attempts.guessed(user_id)

    def _proven(self, attempt: Attempt, claim: Claim, field: str, proof: str, *stages: Stage) -> Proven | None:
        """Ask the methods. Where there is no time to look at a password, it was no guess."""
        try:
            return self.methods.prove(claim, field, proof, *stages)
        except TooManyRequests:
            self.attempts.withdraw(attempt)
            raise

    def _checked(self, email: str, password: str) -> str:
        """Return the address, after both were looked at. Raises Invalid with every fault."""
        found: list[Entry] = []
        try:
            email = checked(email)
        except ValueError:
            found.append(bad_email())
        found += faults(password, "/password", least=LEAST, email=email, service=self.service)
        if found:
            raise Invalid(found)
        return email

    def _hashed(self, password: str) -> Hashed:
        return self.passwords.hash(password)

    def _accept(
        self, token: Token, email: str, password: Hashed, name: str | None, visitor: Visitor, carrier: Carrier
    ) -> SignedIn:
        """Make the account of somebody who was invited: with the invited address, which the link proves."""
        with self.storage.writing() as work:
            link = _used(work, token, self.clock())
            invited = link.data["email"]
            if canonical(invited) != canonical(email):
                text = Text("The invitation is for another address.", "该邀请对应另一个邮箱地址。")
                raise Invalid([Entry("not_one_of", pointer="/email", text=text)])
            if not self.people.may_still_invite(work, link.data["by"]):
                raise _bad_invitation()
            links.void_of_email(work, TokenKind.INVITATION, invited)
            # The address that the letter went to: it is the one that is proved.
            person = NewPerson(invited, name or link.data["name"], tuple(link.data["roles"]), verified=True)
            user_id = self.people.add(work, person, password)
            audit.record(work, "registered", user_id, visitor)
            return self._begin(work, user_id, visitor, "password", carrier)

    def _ask_to_prove(self, email: str, password: Hashed, name: str | None, visitor: Visitor) -> None:
        """Keep a registration until its link is used: until then nobody has proved to own the address.

        Nobody who registers somebody else's address first gets into the account: where several registrations wait, it
        is made without a password. An address that has an account gets a letter that says so.
        """
        may_write = self.attempts.may_write_to(canonical(email), visitor)
        with self.storage.writing() as work:
            known = credentials.of_email(work, canonical(email))
            data = {"email": email, "name": name, "hash": password.hash, "cost": password.cost}
            token_id = links.keep(work, TokenKind.REGISTRATION, self.clock(), email=email, data=data)
            if not may_write:
                self.outbox.put_nothing(work, visitor.language)
            elif known is None:
                self.outbox.put(work, "registration", visitor.language, token_id=token_id, address=email)
            else:
                self.outbox.put(work, "account_exists", visitor.language, user_id=known.user_id)
        self.outbox.wake()

    def _begin(self, work: Work, user_id: int, visitor: Visitor, method: str, carrier: Carrier) -> SignedIn:
        """Start a session, and tell its owner where it is from somewhere new."""
        user = self.people.shown(work, user_id)
        if self.sessions.is_unusual(work, user_id, visitor):
            self.outbox.put(work, "new_sign_in", visitor.language, user_id=user_id, data=_where(visitor))
        audit.record(work, "signed_in", user_id, visitor)
        if carrier is Carrier.COOKIE:
            return SignedIn(user, cookie=self.sessions.start_cookie(work, user_id, visitor, method))
        return SignedIn(user, self.sessions.start(work, user_id, visitor, method))

    def _refused(self, account: Credentials | None, visitor: Visitor, *, alarming: bool) -> None:
        with self.storage.writing() as work:
            audit.record(work, "sign_in_failed", account and account.user_id, visitor)
            if alarming and account is not None:
                self.outbox.put(work, "many_failures", visitor.language, user_id=account.user_id)


def _invitation(text: str) -> Token:
    try:
        return links.expected(text, TokenKind.INVITATION)
    except Invalid:
        raise _bad_invitation() from None


def _used(work: Work, token: Token, now: float) -> links.Link:
    try:
        return links.use(work, token, now)
    except Invalid:
        raise _bad_invitation() from None


def _bad_invitation() -> Invalid:
    return Invalid([Entry("no_such_row", pointer="/invitation", text=links.NEVER_AGAIN)])


def _where(visitor: Visitor) -> dict[str, Any]:
    return {"address": visitor.address, "device": visitor.device}
