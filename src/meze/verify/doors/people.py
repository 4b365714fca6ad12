"""What is known of users: ids and names to everyone, the rest to admins, whatever the program declares."""

from __future__ import annotations

from meze.accounts.tables import User
from meze.verify.conditions import paths
from meze.verify.knock import Knock

_KNOWN = ("id", "name")


def knock(at: Knock) -> None:
    if at.resource is at.judge.resources.served[0]:
        _users(at)
    if at.shut("read") or at.actor.caller.is_admin:
        return
    people = at.judge.resources.of(User)
    for path, target in paths(at, at.resource, 2) if people is not None else ():
        if target is not people:
            continue
        for name in at.some([name for name in target.fields if name not in _KNOWN], 2, 8):
            member = "__".join((*path, name))
            for query in (f"{member}__isnull=false", f"sort={member}", f"fields={member}"):
                reply = at.get(f"{at.path()}?{query}")
                if reply.status == 200:
                    at.note(f"{name} of users is told to others than admins", 400, reply.told, reply)


def _users(at: Knock) -> None:
    """Ask for the users themselves, which admins alone may."""
    if at.scene.stage.accounts is None:
        return
    prefix, caller = at.scene.stage.prefix, at.actor.caller
    own = next((str(each.caller.id) for each in at.scene.stage.actors if each.caller.id is not None), "1")
    for path in (f"{prefix}/users", f"{prefix}/users?count=true", f"{prefix}/users/{own}", f"{prefix}/auth/events"):
        reply = at.get(path)
        if path.endswith("/events"):
            at.status("Events of accounts are given to who did not sign in", (200, 403) if caller.id else 401, reply)
        elif not caller.is_admin or caller.scopes is not None:
            at.status("Users are given to others than admins", at.sight.forbidden, reply)
        else:
            at.status("Users are not given to an admin", 200, reply)
            if b"password" in reply.body or b"email_canonical" in reply.body:
                at.note("More is told of users than there is to tell", "no such field", reply.told, reply)
    if not caller.is_admin or caller.scopes is not None:
        written = at.write("PATCH", f"{prefix}/users/{own}", {"roles": ["admin"]})
        at.status("A role is given by others than admins", at.sight.forbidden, written.reply)
