"""Users as admins see them, and the audit trail: read through the records like any resource, changed through accounts.

The records decide what of a user or an event a caller may see and ask about; that only admins come here at all was
asked before.
"""

from __future__ import annotations

from meze.accounts.accounts import Accounts
from meze.accounts.addresses import checked
from meze.accounts.declared import EVENTS_NAME, USERS_NAME
from meze.accounts.password_rules import LEAST, faults
from meze.accounts.people import NewPerson, bad_email
from meze.accounts.storage import Also, Work
from meze.errors import Changed, Entry, Invalid
from meze.query.ask import WHOLE
from meze.records.visit import Answer
from meze.resources.resource import Resource
from meze.web.accounts.call import Call, answered
from meze.web.messages import Response
from meze.web.preconditions import match_of
from meze.web.resources import Routes, tagged


class Users:
    """Each method answers the endpoint of its name."""

    def __init__(self, accounts: Accounts, routes: Routes) -> None:
        self._people = accounts.people
        self._passwords = accounts.passwords
        self._routes = routes
        self._service = accounts.service
        self._users = _declared(routes, USERS_NAME)
        self._events = _declared(routes, EVENTS_NAME)

    def list_events(self, call: Call) -> Response:
        return self._routes.page(call.request, self._events)

    def list_users(self, call: Call) -> Response:
        return self._routes.page(call.request, self._users)

    def get_user(self, call: Call) -> Response:
        return self._routes.one(call.request, self._users, str(call.id))

    def create_user(self, call: Call) -> Response:
        person, password = self._new_person(call), call.body.password
        hashed = None if password is None else self._passwords.hash(password)
        user_id = self._people.create(person, hashed, call.visitor, call.user_id)
        answer = self._row(call, user_id)
        location = {"Location": f"{self._routes.prefix}/users/{user_id}"}
        return Response(201, answer.body, headers=location | tagged(answer), rows=1)

    def update_user(self, call: Call) -> Response:
        changes = call.sent("name", "roles", "disabled")
        self._people.change(call.id, call.visitor, by_id=call.user_id, check=self._unchanged(call), **changes)
        answer = self._row(call, call.id)
        return Response(200, answer.body, headers=tagged(answer), rows=1)

    def delete_user(self, call: Call) -> Response:
        self._people.delete(call.id, call.visitor, call.user_id, self._unchanged(call))
        return Response(204)

    def sign_out_user(self, call: Call) -> Response:
        self._people.sign_out(call.id, call.visitor, call.user_id)
        return Response(204)

    def invite(self, call: Call) -> Response:
        body = call.body
        self._people.invite(body.email, body.roles, body.name, call.visitor, call.user_id)
        return answered(201, {"email": body.email, "roles": sorted(set(body.roles)), "name": body.name})

    def _unchanged(self, call: Call) -> Also:
        """Return what refuses, while the row is locked, unless the user is still as `If-Match` says."""
        match = match_of(call.request.headers.get("if-match"))

        def check(_: Work) -> None:
            if match is not None and not match.any and self._row(call, call.id).etag not in match.tags:
                raise Changed

        return check

    def _new_person(self, call: Call) -> NewPerson:
        """Return who is to be made. Raises Invalid with every fault of the body."""
        body, found, roles = call.body, list[Entry](), tuple[str, ...]()
        try:
            email = checked(body.email)
        except ValueError:
            email = body.email
            found.append(bad_email())
        try:
            roles = self._people.checked_roles(body.roles)
        except Invalid as invalid:
            found += invalid.entries
        if body.password is not None:
            found += faults(body.password, "/password", least=LEAST, email=email, service=self._service)
        if found:
            raise Invalid(found)
        return NewPerson(email, body.name, roles)

    def _row(self, call: Call, user_id: int) -> Answer:
        """Return a user as the caller may see one. Raises NotFound."""
        visit = self._routes.records.visit(self._users, call.caller, "read")
        return self._routes.records.reads.get(visit, [user_id], WHOLE)


def _declared(routes: Routes, name: str) -> Resource:
    resource = routes.resources.named(name)
    assert resource is not None, name
    return resource
