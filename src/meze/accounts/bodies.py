"""The bodies that accounts take and the answers that they give, as plain shapes.

What a value must be by itself is said here: its type, its length, that it can be stored. What it means (whether an
address or a password will do, whether a token is good) is decided where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from meze.accounts import addresses
from meze.errors import Text
from meze.resources.fields.moment import moment_of
from meze.resources.fields.refusal import refuse
from meze.resources.fields.text import WITHOUT_NUL, storable

_MOMENT = Text("a date and time with offset (2026-05-31T12:00:00Z)", "带时区偏移的日期时间（2026-05-31T12:00:00Z）")
_DATE_TIME = {"type": "string", "format": "date-time"}


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise refuse("wrong_type", expected=_MOMENT.en, expected_zh=_MOMENT.zh)
    try:
        return moment_of(value)
    except ValueError:
        raise refuse("bad_format", expected=_MOMENT.en, expected_zh=_MOMENT.zh) from None


Plain = Annotated[StrictStr, AfterValidator(storable), Field(json_schema_extra={"pattern": WITHOUT_NUL})]
Email = Annotated[Plain, StringConstraints(max_length=addresses.LONGEST), Field(examples=["anna@example.com"])]
Name = Annotated[Plain, StringConstraints(min_length=1, max_length=200), Field(examples=["Anna"])]
Password = Annotated[
    Plain,
    WithJsonSchema(
        {"type": "string", "format": "password", "pattern": WITHOUT_NUL, "examples": ["four plain words are good"]}
    ),
]
Code = Annotated[Plain, StringConstraints(min_length=1, max_length=100), Field(examples=["492039"])]
Link = Annotated[Plain, Field(examples=["meze_reset_…"])]
Names = Annotated[list[Annotated[Plain, StringConstraints(max_length=100)]], Field(max_length=100)]
Moment = Annotated[datetime, PlainValidator(_moment), WithJsonSchema(_DATE_TIME)]
Written = Annotated[str, WithJsonSchema(_DATE_TIME)]


class Shape(BaseModel):
    """Shows nothing of its values where it is printed: most of them are secret."""

    # What reads a body is built when the first one comes: for all shapes together it would take a tenth of the start.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return ()


class Register(Shape):
    email: Email
    password: Password
    name: Name | None = None
    invitation: Link | None = None


class FirstAdmin(Shape):
    token: Link
    email: Email
    password: Password
    name: Name | None = None


class Login(Shape):
    email: Email
    password: Password


class SecondFactorAnswer(Shape):
    mfa_token: Link
    code: Code


class Refresh(Shape):
    refresh_token: Link


class Confirm(Shape):
    """Exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["password"]}, {"required": ["code"]}],
            "examples": [{"password": "four plain words are good"}],
        }
    )

    password: Password | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _one(self) -> Confirm:
        if (self.password is None) == (self.code is None):
            text = Text("Send `password` or `code`, and not both.", "请发送 `password` 或 `code`，二者只选其一。")
            raise refuse("required" if self.password is None else "bad_format", text)
        return self


class ChangeMe(Shape):
    """A merge patch: what is left out stays."""

    email: Email = ""
    name: Name | None = None


class ChangePassword(Shape):
    current_password: Password
    new_password: Password


class Forgot(Shape):
    email: Email


class Reset(Shape):
    token: Link
    new_password: Password


class Verify(Shape):
    token: Link


class Resend(Shape):
    """`email` may be left out by somebody who is signed in."""

    email: Email | None = None


class ConfirmSecondFactor(Shape):
    code: Code


class RemoveSecondFactor(Shape):
    """Without the factor the password must have 15 characters: where it has fewer, `new_password` takes its place."""

    password: Password
    new_password: Password | None = None


class NewKey(Shape):
    name: Annotated[Plain, StringConstraints(min_length=1, max_length=100), Field(examples=["Nightly import"])]
    scopes: Annotated[Names, Field(min_length=1, examples=[["read", "trips:create"]])]
    expires_at: Moment | None = None


class Invite(Shape):
    email: Email
    name: Name | None = None
    roles: Names = []


class NewUser(Shape):
    """Without `password` the person is mailed a link to set one."""

    email: Email
    name: Name | None = None
    roles: Names = []
    password: Password | None = None


class ChangeUser(Shape):
    """A merge patch: what is left out stays."""

    name: Name | None = None
    roles: Names = []
    disabled: StrictBool = False


class Person(Shape):
    id: int
    email: str
    name: str | None
    roles: list[str]
    email_verified: bool
    created_at: Written


class SignedInAnswer(Shape):
    user: Person
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds that the access token is good for.")]


class CookieAnswer(Shape):
    user: Person
    csrf_token: Annotated[str, Field(description="To be sent as `X-CSRF-Token` with every change.")]


class Accepted(Shape):
    """Says nothing: whether there is such an account is nobody's to know."""


class Session(Shape):
    id: int
    kind: Literal["bearer", "cookie"]
    method: str
    device: str | None
    address: str | None
    created_at: Written
    last_used_at: Written
    expires_at: Written
    current: bool


class Sessions(Shape):
    items: list[Session]


class SecondFactorState(Shape):
    enabled: bool
    recovery_codes_left: Annotated[int, Field(description="How many are still good.")]


class SecondFactorSetup(Shape):
    otpauth_url: Annotated[str, Field(description="For authenticator apps; it holds the secret.")]
    svg: Annotated[str, Field(description="The same as a QR code.")]


class RecoveryCodes(Shape):
    recovery_codes: Annotated[list[str], Field(description="Each is good once. They are not shown again.")]


class Key(Shape):
    id: int
    name: str
    hint: Annotated[str, Field(description="How the key begins.")]
    scopes: list[str]
    created_at: Written
    expires_at: Written | None
    last_used_at: Written | None


class Keys(Shape):
    items: list[Key]


class CreatedKey(Key):
    key: Annotated[str, Field(description="To be sent as `Authorization: Bearer`. It is not shown again.")]


class Invitation(Shape):
    email: str
    roles: list[str]
    name: str | None
