"""All below `{prefix}/auth` and `{prefix}/users`: which endpoint is meant, whether this caller may, and its answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

from meze.access.caller import Caller
from meze.accounts.accounts import Accounts
from meze.accounts.endpoints import ENDPOINTS, Access, Endpoint
from meze.accounts.sign_in import Carrier
from meze.errors import (
    ConfirmationRequired,
    Forbidden,
    InsufficientScope,
    MethodNotAllowed,
    NotFound,
    Text,
    Unauthenticated,
)
from meze.query.parse import unknown_parameter
from meze.query.values import bad_value
from meze.settings import Settings
from meze.web.accounts.body import read_body
from meze.web.accounts.call import Call
from meze.web.accounts.cookies import cookies_of
from meze.web.accounts.identify import Identify
from meze.web.accounts.origin import origins_of
from meze.web.accounts.own import OwnAccount
from meze.web.accounts.signing_in import SigningIn
from meze.web.address import visitor_of
from meze.web.body import MERGE_PATCH
from meze.web.messages import JSON, Request, Response
from meze.web.negotiate import require_json
from meze.web.resources import Routes
from meze.web.users import Users

_NUMBER = re.compile(r"(?<=/)[0-9]+(?=/|\Z)")
_LARGEST_ID = 2**31 - 1
_SESSION = "session"
_AUTH, _USERS = "/auth", "/users"
_BELOW = (f"{_AUTH}/", f"{_USERS}/")

Handler = Callable[[Call], Response]


class AccountRoutes:
    """Answers for the accounts. `identify` tells who is calling, for every address of the site.

    `routes` are those of the resources, through which users and the audit trail are read.
    """

    def __init__(self, accounts: Accounts, settings: Settings, routes: Routes) -> None:
        self._accounts = accounts
        self._settings = settings
        self.cookies = cookies_of(settings)
        self._origins = origins_of(settings)
        self._below = tuple(settings.prefix + each for each in _BELOW)
        self._tops = frozenset((settings.prefix + _AUTH, settings.prefix + _USERS))
        self._table: defaultdict[str, dict[str, tuple[Endpoint, Handler]]] = defaultdict(dict)
        handlers = (
            SigningIn(accounts, self.cookies, settings.prefix),
            OwnAccount(accounts, self.cookies),
            Users(accounts, routes),
        )
        for each in ENDPOINTS:
            (handler,) = (getattr(group, each.name) for group in handlers if hasattr(group, each.name))
            self._table[each.path][each.method] = (each, handler)
        indifferent = {settings.prefix + each.path for each in ENDPOINTS if each.access is Access.NOBODY}
        self.identify = Identify(accounts.sessions, self.cookies, self._origins, frozenset(indifferent))

    def serves(self, path: str) -> bool:
        """Say whether a path is of the accounts, known or not."""
        return path.startswith(self._below) or path in self._tops

    def route_of(self, path: str) -> str:
        """Return the template of a path, for the log: never what stands in it."""
        place = self._place(path)
        template = _NUMBER.sub("{id}", place)
        if template not in self._table:
            template = (_USERS if place.startswith(_USERS) else _AUTH) + "/{path}"
        return self._settings.prefix + template

    def answer(self, request: Request) -> Response:
        """Return the answer for a path that `serves` says is ours.

        Raises:
            Problem: whatever kept it from being answered.
        """
        place = self._place(request.path)
        if place.startswith(_USERS):
            # Whatever is asked below, who is no admin learns nothing of it, not even which users there are.
            _check_admin(request.caller)
        methods = self._table.get(_NUMBER.sub("{id}", place))
        if methods is None:
            raise NotFound
        found = methods.get("GET" if request.method == "HEAD" else request.method)
        response = _other(request, methods) if found is None else self._called(request, *found)
        response.route = self.route_of(request.path)
        return response

    def _called(self, request: Request, endpoint: Endpoint, handler: Handler) -> Response:
        self._check_caller(request.caller, endpoint)
        if endpoint.status != 204:
            require_json(request.headers.get("accept", ""))
        carrier = _carrier(request, endpoint)
        if carrier is Carrier.COOKIE:
            self._origins.check_sign_in(request)
        call = Call(
            request=request,
            visitor=visitor_of(request, self._settings.trusted_proxies),
            body=None if endpoint.body is None else read_body(request, endpoint.body),
            id=_id_in(self._place(request.path)),
            carrier=carrier,
        )
        return handler(call)

    def _place(self, path: str) -> str:
        """Return a path as it follows the prefix, empty where it is not below it."""
        prefix = self._settings.prefix
        return path[len(prefix) :] if path.startswith(prefix + "/") else ""

    def _check_caller(self, caller: Caller, endpoint: Endpoint) -> None:
        """Let a caller pass who may use the endpoint at all."""
        if caller.key is not None and not endpoint.by_key:
            raise InsufficientScope
        if endpoint.access in (Access.NOBODY, Access.ANYONE):
            return
        if endpoint.access is Access.ADMIN:
            _check_admin(caller)
        if not caller.signed_in:
            raise Unauthenticated
        if endpoint.access is Access.CONFIRMED and not (
            caller.session is not None and self._accounts.sessions.confirmed(caller.session)
        ):
            raise ConfirmationRequired


def _check_admin(caller: Caller) -> None:
    if not caller.signed_in:
        raise Unauthenticated
    if not caller.is_admin:
        raise Forbidden


def _other(request: Request, methods: dict[str, tuple[Endpoint, Handler]]) -> Response:
    """Answer OPTIONS, and refuse a method that means nothing here; both say what does."""
    allowed = [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
    headers = {"Allow": ", ".join(allowed)}
    if "PATCH" in methods:
        headers["Accept-Patch"] = f"{JSON}, {MERGE_PATCH}"
    if request.method == "OPTIONS":
        return Response(204, headers=headers)
    raise MethodNotAllowed(params={"method": request.method}, headers=headers)


def _id_in(place: str) -> int:
    """Return the number in an address, 0 where there is none. Raises NotFound for one that no id can be."""
    found = _NUMBER.search(place)
    if found is None:
        return 0
    if found[0].startswith("0") or len(found[0]) > 10 or int(found[0]) > _LARGEST_ID:
        raise NotFound
    return int(found[0])


def _carrier(request: Request, endpoint: Endpoint) -> Carrier:
    """Read the query string, where it is not that of a list or of one row: `session=cookie`, or nothing."""
    if endpoint.reads is not None and endpoint.method == "GET":
        return Carrier.TOKENS
    known = (_SESSION,) if endpoint.session else ()
    carrier = Carrier.TOKENS
    for name, value in request.arguments:
        if name not in known:
            raise unknown_parameter(name, known)
        if value != Carrier.COOKIE.value or carrier is Carrier.COOKIE:
            text = Text("Must be cookie, once.", "必须是 cookie，且只能出现一次。")
            raise bad_value(name, text, "not_one_of", allowed=Carrier.COOKIE.value)
        carrier = Carrier.COOKIE
    return carrier
