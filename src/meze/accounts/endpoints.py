"""What `{prefix}/auth` and `{prefix}/users` answer to: one row for each, which the web layer serves and the document
tells of.

Lists of users and of the audit trail, and one user, are read as any other resource; they have no row of their own in
the shapes of `bodies.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from meze.accounts import bodies
from meze.accounts.bodies import Shape


class Access(Enum):
    """Who may call. CONFIRMED has shown its password or a code again within ten minutes."""

    NOBODY = "nobody"  # whoever calls plays no part: credentials are not asked for
    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    CONFIRMED = "confirmed"
    ADMIN = "admin"


class Reads(Enum):
    """What is read through the records of a resource, under its rules."""

    LIST = "list"
    ONE = "one"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one address under the prefix; `{id}` in `path` is a whole number.

    `name` is the handler's, and the operation's in the document. `answer` is what `status` comes with. `problems` are
    the statuses beyond those that any request may meet (`statuses` has them all). With `session`, the query parameter
    `session=cookie` is taken, which answers with cookies. `by_key` says that an API key may call it.
    """

    name: str
    method: str
    path: str
    summary: str
    access: Access
    status: int = 200
    body: type[Shape] | None = None
    answer: type[Shape] | None = None
    problems: tuple[int, ...] = ()
    session: bool = False
    by_key: bool = False
    reads: Reads | None = None
    accepted: type[Shape] | None = None

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status of a problem that it may answer with."""
        found = {400, 401, 403, 406, 414, 431, 500, 503, *self.problems}
        if self.body is not None:
            found |= {413, 415, 422}
        if self.method != "GET":
            found |= {507}
        if "{id}" in self.path:
            found |= {404}
        return tuple(sorted(found))


_SIGNED_IN = bodies.SignedInAnswer

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "register",
        "POST",
        "/auth/register",
        "Make an account",
        Access.NOBODY,
        201,
        bodies.Register,
        _SIGNED_IN,
        (409, 429),
        session=True,
        accepted=bodies.Accepted,
    ),
    Endpoint(
        "first_admin",
        "POST",
        "/auth/first-admin",
        "Make the first admin, with the one-time link",
        Access.NOBODY,
        201,
        bodies.FirstAdmin,
        _SIGNED_IN,
        (409, 429),
        session=True,
    ),
    Endpoint(
        "login",
        "POST",
        "/auth/login",
        "Sign in",
        Access.NOBODY,
        200,
        bodies.Login,
        _SIGNED_IN,
        (429,),
        session=True,
    ),
    Endpoint(
        "login_second_factor",
        "POST",
        "/auth/login/second-factor",
        "Sign in: the second step",
        Access.NOBODY,
        200,
        bodies.SecondFactorAnswer,
        _SIGNED_IN,
        (429,),
        session=True,
    ),
    Endpoint(
        "refresh", "POST", "/auth/refresh", "Get new tokens", Access.NOBODY, 200, bodies.Refresh, _SIGNED_IN, (429,)
    ),
    Endpoint("logout", "POST", "/auth/logout", "End this session", Access.SIGNED_IN, 204),
    Endpoint("logout_all", "POST", "/auth/logout-all", "End every session", Access.SIGNED_IN, 204),
    Endpoint(
        "confirm",
        "POST",
        "/auth/confirm",
        "Prove again who you are, for ten minutes",
        Access.SIGNED_IN,
        204,
        bodies.Confirm,
        problems=(429,),
    ),
    Endpoint("get_me", "GET", "/auth/me", "Who is calling", Access.SIGNED_IN, 200, None, bodies.Person, by_key=True),
    Endpoint(
        "update_me",
        "PATCH",
        "/auth/me",
        "Change your name, or your address once its link was used",
        Access.SIGNED_IN,
        200,
        bodies.ChangeMe,
        bodies.Person,
        (409, 429),
    ),
    Endpoint("delete_me", "DELETE", "/auth/me", "Delete your account", Access.CONFIRMED, 204, problems=(409,)),
    Endpoint(
        "change_password",
        "POST",
        "/auth/password/change",
        "Change your password; every other session ends",
        Access.SIGNED_IN,
        204,
        bodies.ChangePassword,
        problems=(429,),
    ),
    Endpoint(
        "forgot_password",
        "POST",
        "/auth/password/forgot",
        "Be mailed a link to set a new password",
        Access.NOBODY,
        202,
        bodies.Forgot,
        bodies.Accepted,
        (429,),
    ),
    Endpoint(
        "reset_password",
        "POST",
        "/auth/password/reset",
        "Set a new password with a mailed link; every session and key ends",
        Access.NOBODY,
        204,
        bodies.Reset,
        problems=(429,),
    ),
    Endpoint(
        "verify_email",
        "POST",
        "/auth/email/verify",
        "Prove an address with a mailed link",
        Access.NOBODY,
        204,
        bodies.Verify,
        problems=(409, 429),
    ),
    Endpoint(
        "resend_email",
        "POST",
        "/auth/email/resend",
        "Be mailed the link again",
        Access.ANYONE,
        202,
        bodies.Resend,
        bodies.Accepted,
        (429,),
    ),
    Endpoint(
        "list_sessions",
        "GET",
        "/auth/sessions",
        "Where you are signed in",
        Access.SIGNED_IN,
        200,
        None,
        bodies.Sessions,
    ),
    Endpoint("delete_session", "DELETE", "/auth/sessions/{id}", "End one session", Access.SIGNED_IN, 204),
    Endpoint(
        "show_second_factor",
        "GET",
        "/auth/totp",
        "Whether signing in asks for a second factor",
        Access.SIGNED_IN,
        200,
        None,
        bodies.SecondFactorState,
    ),
    Endpoint(
        "begin_second_factor",
        "POST",
        "/auth/totp",
        "Begin to set up a second factor",
        Access.CONFIRMED,
        200,
        None,
        bodies.SecondFactorSetup,
        (409,),
    ),
    Endpoint(
        "confirm_second_factor",
        "POST",
        "/auth/totp/confirm",
        "Switch the second factor on",
        Access.CONFIRMED,
        200,
        bodies.ConfirmSecondFactor,
        bodies.RecoveryCodes,
        (429,),
    ),
    Endpoint(
        "remove_second_factor",
        "DELETE",
        "/auth/totp",
        "Switch the second factor off",
        Access.CONFIRMED,
        204,
        bodies.RemoveSecondFactor,
        problems=(404, 429),
    ),
    Endpoint("list_keys", "GET", "/auth/keys", "Your API keys", Access.SIGNED_IN, 200, None, bodies.Keys),
    Endpoint(
        "create_key", "POST", "/auth/keys", "Make an API key", Access.CONFIRMED, 201, bodies.NewKey, bodies.CreatedKey
    ),
    Endpoint("delete_key", "DELETE", "/auth/keys/{id}", "Revoke an API key", Access.CONFIRMED, 204),
    Endpoint(
        "invite",
        "POST",
        "/auth/invitations",
        "Invite somebody",
        Access.ADMIN,
        201,
        bodies.Invite,
        bodies.Invitation,
        (409,),
    ),
    Endpoint(
        "list_events",
        "GET",
        "/auth/events",
        "What happened to your account; admins see all",
        Access.SIGNED_IN,
        reads=Reads.LIST,
    ),
    Endpoint("list_users", "GET", "/users", "List users", Access.ADMIN, by_key=True, reads=Reads.LIST),
    Endpoint(
        "create_user",
        "POST",
        "/users",
        "Make an account for somebody",
        Access.ADMIN,
        201,
        bodies.NewUser,
        problems=(409, 429),
        by_key=True,
        reads=Reads.ONE,
    ),
    Endpoint(
        "get_user",
        "GET",
        "/users/{id}",
        "Get one user",
        Access.ADMIN,
        by_key=True,
        reads=Reads.ONE,
    ),
    Endpoint(
        "update_user",
        "PATCH",
        "/users/{id}",
        "Change a user's name and roles, disable or enable one",
        Access.ADMIN,
        200,
        bodies.ChangeUser,
        problems=(409, 412),
        by_key=True,
        reads=Reads.ONE,
    ),
    Endpoint(
        "delete_user", "DELETE", "/users/{id}", "Delete an account", Access.ADMIN, 204, problems=(409,), by_key=True
    ),
    Endpoint(
        "sign_out_user",
        "POST",
        "/users/{id}/sign-out",
        "End every session of a user",
        Access.ADMIN,
        204,
        by_key=True,
    ),
)
"""Every endpoint. `accepted` is what an endpoint answers with 202 where it cannot finish at once."""
