"""The ways in and out: registering, signing in, going on with new tokens, signing out, and proving who one is."""

from __future__ import annotations

from meze.accounts.accounts import Accounts
from meze.accounts.sign_in import SignedIn
from meze.web.accounts.call import Call, answered
from meze.web.accounts.cookies import Cookies
from meze.web.messages import Response


class SigningIn:
    """Each method answers the endpoint of its name."""

    def __init__(self, accounts: Accounts, cookies: Cookies, prefix: str) -> None:
        self._sign_in = accounts.sign_in
        self._sessions = accounts.sessions
        self._guards = accounts.guards
        self._cookies = cookies
        self._me = f"{prefix}/auth/me"

    def register(self, call: Call) -> Response:
        body = call.body
        signed_in = self._sign_in.register(
            body.email, body.password, body.name, body.invitation, call.visitor, call.carrier
        )
        return answered(202, {}) if signed_in is None else self._made(signed_in)

    def first_admin(self, call: Call) -> Response:
        body = call.body
        return self._made(
            self._sign_in.first_admin(body.token, body.email, body.password, body.name, call.visitor, call.carrier)
        )

    def login(self, call: Call) -> Response:
        return self._begun(200, self._sign_in.login(call.body.email, call.body.password, call.visitor, call.carrier))

    def login_second_factor(self, call: Call) -> Response:
        body = call.body
        return self._begun(200, self._sign_in.second_factor(body.mfa_token, body.code, call.visitor, call.carrier))

    def refresh(self, call: Call) -> Response:
        return self._begun(200, self._sign_in.refresh(call.body.refresh_token, call.visitor))

    def logout(self, call: Call) -> Response:
        self._sign_in.sign_out(call.caller, call.visitor)
        return self._ended(call)

    def logout_all(self, call: Call) -> Response:
        self._sign_in.sign_out_everywhere(call.caller, call.visitor)
        return self._ended(call)

    def confirm(self, call: Call) -> Response:
        self._sign_in.confirm(call.caller, call.body.password, call.body.code, call.visitor)
        return Response(204)

    def list_sessions(self, call: Call) -> Response:
        return answered(200, {"items": self._sessions.listed(call.user_id, call.caller.session)})

    def delete_session(self, call: Call) -> Response:
        self._guards.end_session(call.caller, call.id, call.visitor)
        return self._ended(call) if call.id == call.caller.session else Response(204)

    def _made(self, signed_in: SignedIn) -> Response:
        response = self._begun(201, signed_in)
        response.headers["Location"] = self._me
        return response

    def _begun(self, status: int, signed_in: SignedIn) -> Response:
        if signed_in.cookie is not None:
            cookie = signed_in.cookie
            response = answered(status, {"user": signed_in.user, "csrf_token": cookie.csrf_token})
            response.cookies = self._cookies.given(cookie.token, cookie.csrf_token, cookie.expires_at)
            return response
        assert signed_in.pair is not None
        pair = signed_in.pair
        tokens = {"access_token": pair.access_token, "refresh_token": pair.refresh_token}
        return answered(
            status, {"user": signed_in.user, **tokens, "token_type": "Bearer", "expires_in": pair.expires_in}
        )

    def _ended(self, call: Call) -> Response:
        return Response(204, cookies=self._cookies.taken_with(call.request.headers))
