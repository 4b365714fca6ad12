"""What somebody does with their own account: its name, address and password, its second factor and its keys."""

from __future__ import annotations

from meze.accounts.accounts import Accounts
from meze.errors import ConfirmationRequired, Entry, Invalid
from meze.web.accounts.call import Call, answered
from meze.web.accounts.cookies import Cookies
from meze.web.messages import Response


class OwnAccount:
    """Each method answers the endpoint of its name."""

    def __init__(self, accounts: Accounts, cookies: Cookies) -> None:
        self._people = accounts.people
        self._recovery = accounts.recovery
        self._sessions = accounts.sessions
        self._guards = accounts.guards
        self._keys = accounts.keys
        self._cookies = cookies

    def get_me(self, call: Call) -> Response:
        return answered(200, self._people.me(call.user_id))

    def update_me(self, call: Call) -> Response:
        changed = call.sent("email", "name")
        if "email" in changed:
            session = call.caller.session
            if session is None or not self._sessions.confirmed(session):
                raise ConfirmationRequired
            self._recovery.change_email(call.caller, changed["email"], call.visitor)
        if "name" in changed:
            self._people.rename(call.user_id, changed["name"], call.visitor)
        return answered(200, self._people.me(call.user_id))

    def delete_me(self, call: Call) -> Response:
        self._guards.delete_account(call.caller, call.visitor)
        return Response(204, cookies=self._cookies.taken_with(call.request.headers))

    def change_password(self, call: Call) -> Response:
        body = call.body
        self._recovery.change_password(call.caller, body.current_password, body.new_password, call.visitor)
        return Response(204)

    def forgot_password(self, call: Call) -> Response:
        self._recovery.forgot(call.body.email, call.visitor)
        return answered(202, {})

    def reset_password(self, call: Call) -> Response:
        self._recovery.reset(call.body.token, call.body.new_password, call.visitor)
        return Response(204)

    def verify_email(self, call: Call) -> Response:
        self._recovery.verify(call.body.token, call.visitor)
        return Response(204)

    def resend_email(self, call: Call) -> Response:
        email = call.body.email
        if email is None:
            if call.caller.id is None:
                raise Invalid([Entry("required", pointer="/email")])
            email = self._people.me(call.caller.id)["email"]
        self._recovery.resend(email, call.visitor)
        return answered(202, {})

    def show_second_factor(self, call: Call) -> Response:
        enabled, left = self._guards.second_factor_of(call.caller)
        return answered(200, {"enabled": enabled, "recovery_codes_left": left})

    def begin_second_factor(self, call: Call) -> Response:
        setup = self._guards.begin_second_factor(call.caller)
        return answered(200, {"otpauth_url": setup.otpauth_url, "svg": setup.svg})

    def confirm_second_factor(self, call: Call) -> Response:
        codes = self._guards.confirm_second_factor(call.caller, call.body.code, call.visitor)
        return answered(200, {"recovery_codes": codes})

    def remove_second_factor(self, call: Call) -> Response:
        body = call.body
        self._recovery.remove_second_factor(call.caller, body.password, body.new_password, call.visitor)
        return Response(204)

    def list_keys(self, call: Call) -> Response:
        return answered(200, {"items": self._keys.listed(call.user_id)})

    def create_key(self, call: Call) -> Response:
        body = call.body
        expires_at = None if body.expires_at is None else body.expires_at.timestamp()
        shown, secret = self._guards.create_key(call.caller, body.name, body.scopes, expires_at, call.visitor)
        return answered(201, {**shown, "key": secret})

    def delete_key(self, call: Call) -> Response:
        self._guards.revoke_key(call.caller, call.id, call.visitor)
        return Response(204)
