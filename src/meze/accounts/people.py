"""Who there is: making, changing and deleting accounts, inviting, and the first admin.

Everything here is done by an admin, by the command line, or by the flows of signing in. The last enabled admin is never
taken away: whoever changes who is an admin holds one row of `meze_facts` meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Boolean,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    false,
    func,
    select,
    update,
)
from sqlalchemy import cast as sql_cast

from meze.access.caller import ADMIN
from meze.accounts import audit, links
from meze.accounts.addresses import canonical, checked
from meze.accounts.moments import written
from meze.accounts.outbox import Outbox
from meze.accounts.passwords import Hashed
from meze.accounts.sessions import Sessions
from meze.accounts.storage import Also, Storage, Work, nothing_else
from meze.accounts.tables import FACTS, PASSWORDS, User
from meze.accounts.tokens import Token, TokenKind, new_token
from meze.accounts.visitor import Visitor
from meze.errors import AlreadyExists, Entry, Forbidden, Invalid, NotFound, TokenRevoked
from meze.errors import Text as Sentence

_users = cast(Table, User.__table__)
_id = bindparam("of_user", type_=Integer)
_ONE = select(
    _users.c.id,
    _users.c.email,
    _users.c.name,
    _users.c.roles,
    _users.c.email_verified,
    _users.c.created_at,
    _users.c.disabled,
).where(_users.c.id == _id)
_LOCKED = _ONE.with_for_update()
_BY_EMAIL = select(_users.c.id).where(_users.c.email_canonical == bindparam("canonical", type_=String))
# LIKE takes Admin for admin on SQLite.
_roles = sql_cast(_users.c.roles, Text)
_OTHER_ADMIN = (
    select(_users.c.id)
    .where(_users.c.disabled == false(), func.replace(_roles, f'"{ADMIN}"', "") != _roles, _users.c.id != _id)
    .limit(1)
)
_CHANGE = (
    update(_users)
    .where(_users.c.id == _id)
    .values(
        name=bindparam("new_name", type_=String),
        roles=bindparam("new_roles", type_=JSON),
        disabled=bindparam("new_disabled", type_=Boolean),
    )
)
_DELETE = delete(_users).where(_users.c.id == _id)
_ADMINS = select(FACTS.c.value).where(FACTS.c.name == "admins").with_for_update()
_ADMINS_KNOWN = update(FACTS).where(FACTS.c.name == "admins").values(value=bindparam("new_value", type_=JSON))

LAST_ADMIN = Sentence(
    "This is the last enabled admin. Make another one first.", "这是最后一个启用的管理员，请先设立另一位管理员。"
)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """An account that is to be made; its address and its roles were checked."""

    email: str
    name: str | None = None
    roles: tuple[str, ...] = ()
    verified: bool = False


class People:
    """`roles` are those that the program declares, admin among them."""

    def __init__(
        self,
        storage: Storage,
        sessions: Sessions,
        outbox: Outbox,
        roles: Collection[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._storage = storage
        self._sessions = sessions
        self._outbox = outbox
        self._roles = frozenset(roles) | {ADMIN}
        self._clock = clock

    def me(self, user_id: int) -> dict[str, Any]:
        """Return a caller as the contract shows one: id, email, name, roles, email_verified, created_at.

        Raises:
            TokenRevoked: the account was deleted a moment ago.
        """
        with self._storage.reading() as work:
            try:
                return self.shown(work, user_id)
            except NotFound:
                raise TokenRevoked from None

    def shown(self, work: Work, user_id: int) -> dict[str, Any]:
        """As `me`, in the caller's own transaction. Raises NotFound."""
        row = work.row(_ONE, of_user=user_id)
        if row is None:
            raise NotFound
        return {
            "id": row[0],
            "email": row[1],
            "name": row[2],
            "roles": sorted(row[3]),
            "email_verified": row[4],
            "created_at": written(row[5]),
        }

    def find(self, email: str) -> int | None:
        """Return the id of the account with this address, in whatever spelling."""
        with self._storage.reading() as work:
            row = work.row(_BY_EMAIL, canonical=canonical(email))
        return None if row is None else int(row[0])

    def checked_roles(self, roles: Sequence[str], pointer: str = "/roles") -> tuple[str, ...]:
        """Return the roles, each once, in order.

        Raises:
            Invalid: one was not declared; names those that were.
        """
        known = ", ".join(sorted(self._roles))
        faults = [
            Entry("not_one_of", pointer=f"{pointer}/{at}", params={"allowed": known})
            for at, role in enumerate(roles)
            if role not in self._roles
        ]
        if faults:
            raise Invalid(faults)
        return tuple(sorted(set(roles)))

    def add(self, work: Work, person: NewPerson, password: Hashed | None) -> int:
        """Make an account and return its id.

        Raises:
            AlreadyExists: at `/email`.
        """
        if ADMIN in person.roles:
            self._hold_admins(work, ever=True)
        try:
            user_id = work.add_one(
                _users,
                email=person.email,
                email_canonical=canonical(person.email),
                email_verified=person.verified,
                name=person.name,
                roles=list(person.roles),
                disabled=False,
                created_at=_moment(self._clock()),
            )
        except Exception as error:
            if self._storage.is_taken(error):
                raise taken() from error
            raise
        if password is not None:
            work.add(PASSWORDS, user_id=user_id, hash=password.hash, cost=password.cost, changed_at=self._clock())
        return user_id

    def create(self, person: NewPerson, password: Hashed | None, visitor: Visitor, by_id: int | None = None) -> int:
        """Make an account for somebody. Without a password they get a link to set one."""
        with self._storage.writing() as work:
            self._check_doer(work, by_id)
            user_id = self.add(work, person, password)
            audit.record(work, "registered", user_id, visitor, by_id)
            if password is None:
                token_id = links.keep(
                    work, TokenKind.RESET, self._clock(), user_id=user_id, seconds=links.LIFETIMES[TokenKind.INVITATION]
                )
                self._outbox.put(work, "invitation", visitor.language, user_id=user_id, token_id=token_id)
        self._outbox.wake()
        return user_id

    def rename(self, user_id: int, name: str | None, visitor: Visitor) -> None:
        self.change(user_id, visitor, name=name)

    def change(
        self,
        user_id: int,
        visitor: Visitor,
        *,
        by_id: int | None = None,
        check: Also = nothing_else,
        **changes: Any,
    ) -> None:
        """Change `name`, `roles`, `disabled`, those that are given. What it means holds at the next request.

        `check` is called while the row is locked, and may refuse.

        Raises:
            NotFound, Forbidden: there is no such account; it is the last enabled admin.
            Invalid: a role was not declared.
        """
        if "roles" in changes:
            changes["roles"] = list(self.checked_roles(changes["roles"]))
        with self._storage.writing() as work:
            self._check_doer(work, by_id)
            if "roles" in changes or "disabled" in changes:
                self._hold_admins(work, ever=ADMIN in changes.get("roles", ()))
            row = work.row(_LOCKED, of_user=user_id)
            if row is None:
                raise NotFound
            check(work)
            before = {"name": row[2], "roles": row[3], "disabled": row[6]}
            after = before | changes
            if _is_admin(before) and not _is_admin(after):
                self._refuse_last_admin(work, user_id)
            work.execute(
                _CHANGE,
                of_user=user_id,
                new_name=after["name"],
                new_roles=after["roles"],
                new_disabled=after["disabled"],
            )
            work.revoke(user_id)
            for event in _events_of(before, after):
                audit.record(work, event, user_id, visitor, by_id)
            if after["disabled"] and not before["disabled"]:
                # Enabling the account again is not to bring to life what was forgotten meanwhile.
                self._sessions.end_all(work, user_id, keys=True)
                for kind in (TokenKind.RESET, TokenKind.EMAIL, TokenKind.MFA):
                    links.void(work, kind, user_id)

    def delete(self, user_id: int, visitor: Visitor, by_id: int | None = None, check: Also = nothing_else) -> None:
        """Delete an account. Rows that refer to it do what their foreign keys declare.

        `check` is called while the row is locked, and may refuse.

        Raises:
            NotFound, Forbidden: there is no such account; it is the last enabled admin.
            StillReferenced: a foreign key to it does not say what should happen.
        """
        with self._storage.writing() as work:
            self._check_doer(work, by_id)
            self._hold_admins(work, ever=False)
            row = work.row(_LOCKED, of_user=user_id)
            if row is None:
                raise NotFound
            check(work)
            if _is_admin({"roles": row[3], "disabled": row[6]}):
                self._refuse_last_admin(work, user_id)
            work.execute(_DELETE, of_user=user_id)
            work.revoke(user_id)
            for kind in (TokenKind.INVITATION, TokenKind.REGISTRATION):
                links.void_of_email(work, kind, row[1])
            audit.record(work, "deleted", user_id, Visitor(), by_id)
            audit.depersonalise(work, user_id)
            self._outbox.put(work, "account_deleted", visitor.language, address=row[1])
        self._outbox.wake()

    def sign_out(self, user_id: int, visitor: Visitor, by_id: int | None = None) -> None:
        """End every session of somebody. Raises NotFound."""
        with self._storage.writing() as work:
            self._check_doer(work, by_id)
            if work.row(_ONE, of_user=user_id) is None:
                raise NotFound
            self._sessions.end_all(work, user_id)
            audit.record(work, "signed_out_everywhere", user_id, visitor, by_id)

    def invite(self, email: str, roles: Sequence[str], name: str | None, visitor: Visitor, by_id: int | None) -> None:
        """Mail somebody a link with which they make an account of their own, with these roles.

        Raises:
            Invalid, AlreadyExists: the address or a role is none; there is such an account.
        """
        try:
            email = checked(email)
        except ValueError:
            raise Invalid([bad_email()]) from None
        data = {"email": email, "roles": list(self.checked_roles(roles)), "name": name, "by": by_id}
        with self._storage.writing() as work:
            self._check_doer(work, by_id)
            if work.row(_BY_EMAIL, canonical=canonical(email)) is not None:
                raise taken()
            links.void_of_email(work, TokenKind.INVITATION, email)
            token_id = links.keep(work, TokenKind.INVITATION, self._clock(), email=email, data=data)
            self._outbox.put(work, "invitation", visitor.language, token_id=token_id, address=email)
            audit.record(work, "invited", by_id, visitor)
        self._outbox.wake()

    def may_still_invite(self, work: Work, by_id: int | None) -> bool:
        """Say whether who gave an invitation could give it now. None is whoever runs the commands."""
        row = None if by_id is None else work.row(_LOCKED, of_user=by_id)
        return by_id is None or (row is not None and _is_admin({"roles": row[3], "disabled": row[6]}))

    def first_admin_link(self) -> str | None:
        """Return a token that makes the first admin within an hour; None once there has ever been one."""
        token = new_token(TokenKind.FIRST_ADMIN)
        with self._storage.writing() as work:
            if self._hold_admins(work, ever=False):
                return None
            links.keep(work, TokenKind.FIRST_ADMIN, self._clock(), token=token)
        return token

    def become_first_admin(self, work: Work, token: Token, person: NewPerson, password: Hashed) -> int:
        """Use the one-time link. Raises Invalid at `/token` where there has ever been an admin."""
        if self._hold_admins(work, ever=False):
            raise links.bad_token()
        links.use(work, token, self._clock())
        return self.add(work, person, password)

    def _hold_admins(self, work: Work, *, ever: bool) -> bool:
        """Let nobody else change who is an admin until this transaction ends; return whether there ever was one.

        `ever` says that now there is.
        """
        work.execute(
            self._storage.kept(
                "admins",
                lambda insert: insert(FACTS).values(name="admins", value={"ever": False}).on_conflict_do_nothing(),
            )
        )
        row = work.row(_ADMINS)
        was = row is not None and bool(row[0]["ever"])
        if ever and not was:
            work.execute(_ADMINS_KNOWN, new_value={"ever": True})
        return was

    def _check_doer(self, work: Work, by_id: int | None) -> None:
        """Refuse who is no enabled admin any more: another process may trust one for a second, but not to stay one.

        None is the owner of an account, or whoever runs the commands.
        """
        if by_id is None:
            return
        self._hold_admins(work, ever=False)
        row = work.row(_ONE, of_user=by_id)
        if row is None or not _is_admin({"roles": row[3], "disabled": row[6]}):
            raise Forbidden

    def _refuse_last_admin(self, work: Work, user_id: int) -> None:
        if work.row(_OTHER_ADMIN, of_user=user_id) is None:
            raise Forbidden(LAST_ADMIN)


def taken() -> AlreadyExists:
    return AlreadyExists(entries=[Entry("already_exists", pointer="/email")])


def bad_email() -> Entry:
    params = {"expected": "an e-mail address (anna@example.com)", "expected_zh": "电子邮箱地址（anna@example.com）"}
    return Entry("bad_format", pointer="/email", params=params)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _is_admin(person: Mapping[str, Any]) -> bool:
    return ADMIN in person["roles"] and not person["disabled"]


def _events_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if before["name"] != after["name"]:
        yield "renamed"
    if sorted(before["roles"]) != sorted(after["roles"]):
        yield "roles_changed"
    if before["disabled"] != after["disabled"]:
        yield "disabled" if after["disabled"] else "enabled"
