"""Who calls during a run of `meze verify`: real accounts with real tokens, one of each kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Engine, Table, insert

from meze.access.caller import ADMIN, Caller
from meze.accounts.accounts import Accounts
from meze.accounts.people import NewPerson
from meze.accounts.tables import User
from meze.accounts.visitor import Visitor

_VISITOR = Visitor(device="meze verify")
_METHOD = "token"


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One who calls: `caller` is who it is, worked out from what the account was given, `headers` prove it.

    `caller.scopes` are those of an API key, None where there is no limit. What a session reads of the same account is
    the code under test, so nothing of `caller` comes from there.
    """

    name: str
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.name}>"


NOBODY = Actor("nobody", Caller())


@dataclass(frozen=True, slots=True)
class Person:
    """An account that is made: `name` is how the actor is called, and the first part of the address."""

    name: str
    roles: tuple[str, ...] = ()
    verified: bool = True
    calls: bool = True

    @property
    def email(self) -> str:
        return f"{self.name.replace(' ', '-')}@example.com"


def people_of(roles: Collection[str]) -> tuple[Person, ...]:
    """Return who there is, for the roles that were declared: two without any, one of each, one of all, an admin.

    Carol has rows of her own and never calls: what belongs to her is nobody's here.
    """
    given = sorted(set(roles) - {ADMIN})
    people = [Person("alice"), Person("bob"), *(Person(f"role {each}", (each,)) for each in given)]
    if len(given) > 1:
        people.append(Person("all roles", tuple(given)))
    return (*people, Person("admin", (ADMIN,)), Person("unverified", verified=False), Person("carol", calls=False))


def make_actors(accounts: Accounts, roles: Collection[str], resources: Sequence[str]) -> tuple[Actor, ...]:
    """Make the accounts, sessions and keys, and return everyone who calls, nobody first.

    `resources` are the names of those that are served: a key that may read the first of them is one of the callers.
    """
    made: dict[str, Actor] = {}
    for person in people_of(roles):
        with accounts.storage.writing() as work:
            new = NewPerson(person.email, person.name.title(), person.roles, person.verified)
            user_id = accounts.people.add(work, new, None)
            pair = accounts.sessions.start(work, user_id, _VISITOR, _METHOD)
        caller = Caller(
            id=user_id,
            email=person.email if person.verified else None,
            name=new.name,
            roles=frozenset(person.roles),
            credentials=True,
        )
        if person.calls:
            made[person.name] = Actor(person.name, caller, _bearing(pair.access_token))
    keys = [("alice", "read"), ("alice", "write"), *(("alice", f"{name}:read") for name in resources[:1])]
    keys.append(("admin", "write"))
    return (NOBODY, *made.values(), *(_with_key(accounts, made[name], scope) for name, scope in keys))


def _with_key(accounts: Accounts, owner: Actor, scope: str) -> Actor:
    """Return an owner as an API key of theirs calls. It does not hold the role admin: its scopes do not say so."""
    assert owner.caller.id is not None
    shown, secret = accounts.keys.create(owner.caller.id, scope, [scope])
    roles = owner.caller.roles - {ADMIN}
    caller = replace(owner.caller, roles=roles, key=shown["id"], scopes=frozenset({scope}))
    return Actor(f"{owner.name}'s key: {scope}", caller, _bearing(secret))


def _bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make_people(engine: Engine) -> None:
    """Put in users that nobody signs in as, where the program keeps its accounts by itself."""
    users = User.__table__
    assert isinstance(users, Table)
    with engine.begin() as connection:
        for person in people_of(()):
            connection.execute(insert(users).values(email=person.email, name=person.name.title()))
