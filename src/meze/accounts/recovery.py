"""Proving an address, and getting back into an account: what works by links in mail, and changing what guards it.

Whoever asks for a letter learns nothing: the answer and its cost are the same whether there is such an account or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Boolean, Integer, String, Table, bindparam, update

from meze.access.caller import Caller
from meze.accounts import audit, credentials, links
from meze.accounts.addresses import canonical, checked
from meze.accounts.attempts import AttemptKind
from meze.accounts.credentials import Credentials
from meze.accounts.flow import Flow
from meze.accounts.password_rules import LEAST, LEAST_WITH_SECOND_FACTOR, faults
from meze.accounts.passwords import Hashed
from meze.accounts.people import NewPerson, bad_email
from meze.accounts.sign_in import SignIn
from meze.accounts.storage import Work
from meze.accounts.tables import User
from meze.accounts.tokens import Token, TokenKind
from meze.accounts.visitor import Visitor
from meze.errors import AlreadyExists, Entry, Invalid, Unauthenticated

_users = cast(Table, User.__table__)
_VERIFY = (
    update(_users)
    .where(_users.c.id == bindparam("of_user", type_=Integer))
    .values(
        email=bindparam("new_email", type_=String),
        email_canonical=bindparam("new_canonical", type_=String),
        email_verified=bindparam("new_verified", type_=Boolean),
    )
)


@dataclass(frozen=True, repr=False)
class Recovery(Flow):
    """What an account's owner does about its address and its password."""

    sign_in: SignIn

    def forgot(self, email: str, visitor: Visitor) -> None:
        """Mail a link to set a new password, if there is such an account; it voids the links before it."""
        who = canonical(email)
        self.attempts.begin(AttemptKind.MAIL, who, visitor)
        with self.storage.writing() as work:
            account = credentials.of_email(work, who)
            user_id = account.user_id if account is not None and not account.disabled else None
            links.void(work, TokenKind.RESET, user_id)
            token_id = links.keep(work, TokenKind.RESET, self.clock(), user_id=user_id)
            audit.record(work, "password_reset_asked", user_id, visitor)
            if user_id is None:
                self.outbox.put_nothing(work, visitor.language)
            else:
                self.outbox.put(work, "reset_password", visitor.language, user_id=user_id, token_id=token_id)
        self.outbox.wake()

    def reset(self, token: str, new_password: str, visitor: Visitor) -> None:
        """Set a new password by a link. Every session and key ends; the second factor stays.

        Raises:
            Invalid: the link is not good (at `/token`), or the password is not (at `/new_password`).
        """
        read = links.expected(token, TokenKind.RESET)
        with self.storage.reading() as work:
            user_id = links.look(work, read, self.clock()).user_id
            account = None if user_id is None else credentials.of_user(work, user_id)
            if account is None:
                raise links.bad_token()
            least = self._least(work, account.user_id)
        hashed = self._new_password(account, new_password, least)
        with self.storage.writing() as work:
            # The account first, as everybody does who changes one: two that wait for each other wait for ever.
            if credentials.locked(work, account.user_id) is None:
                raise links.bad_token()
            links.use(work, read, self.clock())
            self._set_password(work, account, hashed)
            # Whoever used the link reads what is sent to the address.
            self._verify(work, account, account.email)
            self.sessions.end_all(work, account.user_id, keys=True)
            audit.record(work, "password_reset", account.user_id, visitor)
            self._tell(work, "password_changed", account, visitor)
        self.outbox.wake()

    def change_password(self, caller: Caller, current: str, new: str, visitor: Visitor) -> None:
        """Set a new password. Every other session ends.

        Raises:
            BadCredentials: the current one is wrong.
            Invalid: the new one does not do, at `/new_password`.
        """
        assert caller.id is not None
        account = self._account(caller)
        self.sign_in.prove(account.user_id, current, None, visitor)
        with self.storage.reading() as work:
            least = self._least(work, account.user_id)
        hashed = self._new_password(account, new, least)
        with self.storage.writing() as work:
            if not account.still(credentials.locked(work, account.user_id)):
                raise Unauthenticated
            self._set_password(work, account, hashed)
            self.sessions.end_all(work, account.user_id, but=caller.session)
            audit.record(work, "password_changed", account.user_id, visitor)
            self._tell(work, "password_changed", account, visitor)
        self.outbox.wake()

    def remove_second_factor(self, caller: Caller, password: str, new_password: str | None, visitor: Visitor) -> None:
        """Switch the second factor off, which a short password does not survive.

        Raises:
            BadCredentials: the password is wrong.
            Invalid: it has fewer than 15 characters, and no new one was given, at `/new_password`.
        """
        account = self._account(caller)
        self.sign_in.prove(account.user_id, password, None, visitor)
        short = faults(password, "/password", least=LEAST, email=account.email, service=self.service)
        if short and new_password is None:
            entry = Entry("required", pointer="/new_password", params={"min": LEAST})
            raise Invalid([entry])
        hashed = None if new_password is None else self._new_password(account, new_password, LEAST)
        with self.storage.writing() as work:
            if not account.still(credentials.locked(work, account.user_id)):
                raise Unauthenticated
            if hashed is not None:
                self._set_password(work, account, hashed)
            self.factor.remove(work, account.user_id)
            self.sessions.end_all(work, account.user_id, but=caller.session)
            audit.record(work, "second_factor_off", account.user_id, visitor)
            self._tell(work, "second_factor_off", account, visitor)
        self.outbox.wake()

    def change_email(self, caller: Caller, email: str, visitor: Visitor) -> None:
        """Mail a link to another address, which becomes the account's when it is used.

        An address that another account has is not told: its link is never sent.

        Raises:
            Invalid: it is no address.
        """
        account = self._account(caller)
        try:
            email = checked(email)
        except ValueError:
            raise Invalid([bad_email()]) from None
        self.attempts.begin(AttemptKind.MAIL, f"user:{account.user_id}", visitor)
        may_write = self.attempts.may_write_to(canonical(email), visitor)
        with self.storage.writing() as work:
            self.sessions.hold_confirmed(work, caller)
            owner = credentials.of_email(work, canonical(email))
            links.void(work, TokenKind.EMAIL, account.user_id)
            data = {"email": email}
            token_id = links.keep(work, TokenKind.EMAIL, self.clock(), user_id=account.user_id, data=data)
            audit.record(work, "email_change_asked", account.user_id, visitor)
            if may_write and (owner is None or owner.user_id == account.user_id):
                self.outbox.put(
                    work,
                    "change_email",
                    visitor.language,
                    user_id=account.user_id,
                    token_id=token_id,
                    address=email,
                )
            else:
                self.outbox.put_nothing(work, visitor.language)
        self.outbox.wake()

    def verify(self, token: str, visitor: Visitor) -> None:
        """Use the link that proves an address: of a registration, of an account, or of an address it changes to.

        Raises:
            Invalid: the link is not good, or the address has meanwhile become another account's, at `/token`.
        """
        read = links.expected(token, TokenKind.EMAIL, TokenKind.REGISTRATION)
        try:
            with self.storage.writing() as work:
                self._verified(work, read, visitor)
        except AlreadyExists as error:
            raise links.bad_token() from error
        self.outbox.wake()

    def resend(self, email: str, visitor: Visitor) -> None:
        """Mail the link that proves an address once more, if it waits for that; the one before is void."""
        who = canonical(email)
        self.attempts.begin(AttemptKind.MAIL, who, visitor)
        with self.storage.writing() as work:
            account = credentials.of_email(work, who)
            waiting = links.latest(work, TokenKind.REGISTRATION, who, self.clock())
            unproved = account is not None and not account.verified and not account.disabled
            user_id = account.user_id if account is not None and unproved else None
            links.void(work, TokenKind.EMAIL, user_id)
            data = {"email": account.email if account is not None else email}
            token_id = links.keep(work, TokenKind.EMAIL, self.clock(), user_id=user_id, data=data)
            if user_id is not None:
                self.outbox.put(work, "verify_email", visitor.language, user_id=user_id, token_id=token_id)
            elif account is None and waiting is not None:
                address = waiting.data["email"]
                self.outbox.put(work, "registration", visitor.language, token_id=waiting.id, address=address)
            else:
                self.outbox.put_nothing(work, visitor.language)
        self.outbox.wake()

    def _verified(self, work: Work, read: Token, visitor: Visitor) -> None:
        link = links.look(work, read, self.clock())
        if read.kind is TokenKind.REGISTRATION:
            links.hold(work, read.kind, link.data["email"])
            self._registered(work, links.use(work, read, self.clock()), visitor)
            return
        account = None if link.user_id is None else credentials.locked(work, link.user_id)
        if account is None or account.disabled:
            raise links.bad_token()
        links.use(work, read, self.clock())
        self._verify(work, account, link.data["email"])
        if canonical(link.data["email"]) == account.canonical:
            audit.record(work, "email_verified", account.user_id, visitor)
        else:
            links.void(work, TokenKind.RESET, account.user_id)
            audit.record(work, "email_changed", account.user_id, visitor)
            self.outbox.put(work, "email_changed", visitor.language, user_id=account.user_id, address=account.email)

    def _registered(self, work: Work, link: links.Link, visitor: Visitor) -> None:
        """Make the account of a registration.

        Where several were made for the address, some may be a stranger's, and the link does not tell which: then the
        owner of the address sets a password by another link.
        """
        email = link.data["email"]
        alone = links.latest(work, TokenKind.REGISTRATION, email, self.clock()) is None
        password = Hashed(link.data["hash"], link.data["cost"]) if alone else None
        person = NewPerson(email, link.data["name"] if alone else None, verified=True)
        user_id = self.people.add(work, person, password)
        links.void_of_email(work, TokenKind.REGISTRATION, email)
        audit.record(work, "registered", user_id, visitor)
        if password is None:
            token_id = links.keep(work, TokenKind.RESET, self.clock(), user_id=user_id)
            self.outbox.put(work, "reset_password", visitor.language, user_id=user_id, token_id=token_id)

    def _verify(self, work: Work, account: Credentials, email: str) -> None:
        try:
            work.execute(
                _VERIFY,
                of_user=account.user_id,
                new_email=email,
                new_canonical=canonical(email),
                new_verified=True,
            )
            work.revoke(account.user_id)
        except Exception as error:
            if self.storage.is_taken(error):
                raise links.bad_token() from error
            raise

    def _account(self, caller: Caller) -> Credentials:
        assert caller.id is not None
        with self.storage.reading() as work:
            account = credentials.of_user(work, caller.id)
        if account is None:
            raise Unauthenticated
        return account

    def _least(self, work: Work, user_id: int) -> int:
        return LEAST_WITH_SECOND_FACTOR if self.factor.enabled(work, user_id) else LEAST

    def _new_password(self, account: Credentials, password: str, least: int) -> Hashed:
        found = faults(password, "/new_password", least=least, email=account.email, service=self.service)
        if found:
            raise Invalid(found)
        return self.passwords.hash(password)

    def _set_password(self, work: Work, account: Credentials, password: Hashed) -> None:
        credentials.store(work, self.storage.kept, account.user_id, password, self.clock())
        # What was begun with the old one ends with it: who knew it may have asked for another address.
        for kind in (TokenKind.RESET, TokenKind.EMAIL, TokenKind.MFA):
            links.void(work, kind, account.user_id)

    def _tell(self, work: Work, template: str, account: Credentials, visitor: Visitor) -> None:
        where = {"address": visitor.address, "device": visitor.device}
        self.outbox.put(work, template, visitor.language, user_id=account.user_id, data=where)
