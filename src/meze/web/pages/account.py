"""The pages that links in mail lead to: prove an address, set a password, accept an invitation, become the first admin.

The link's token is in the address's fragment, which browsers send to nobody. A script of ours (`static/account.js`)
takes it out of the address at once and sends it, with what the person writes, to the API as any client would. Nothing
is sent before the person says so: scanners of mail that open every link would use it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from meze.errors import Text

from .layout import fill


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One page: the endpoint that it asks, under the prefix, the body's member for the token, and those to fill in."""

    endpoint: str
    token: str
    fields: tuple[str, ...]
    title: Text
    lead: Text
    button: Text
    done: Text


ACCOUNT_PAGES: Mapping[str, AccountPage] = MappingProxyType(
    {
        "verify": AccountPage(
            "/auth/email/verify",
            "token",
            (),
            Text("Verify your e-mail address", "验证你的邮箱"),
            Text("One click proves that this address is yours.", "点击一次，即可证明这个邮箱属于你。"),
            Text("Verify", "验证"),
            Text("The address is verified. You can close this page.", "邮箱已验证，可以关闭此页面。"),
        ),
        "reset": AccountPage(
            "/auth/password/reset",
            "token",
            ("new_password",),
            Text("Set a new password", "设置新密码"),
            Text(
                "You are signed out everywhere afterwards, and sign in with the new password.",
                "设置后，所有设备都会退出登录，请用新密码重新登录。",
            ),
            Text("Set the password", "设置密码"),
            Text("The password is set. Sign in with it.", "密码已设置，请用它登录。"),
        ),
        "invitation": AccountPage(
            "/auth/register?session=cookie",
            "invitation",
            ("email", "name", "password"),
            Text("Accept the invitation", "接受邀请"),
            Text("Make your account, with the address that was invited.", "请用收到邀请的邮箱创建账户。"),
            Text("Make the account", "创建账户"),
            Text("The account is made, and you are signed in.", "账户已创建，你已登录。"),
        ),
        "first-admin": AccountPage(
            "/auth/first-admin?session=cookie",
            "token",
            ("email", "name", "password"),
            Text("Become the first admin", "成为首位管理员"),
            Text(
                "This link works once, and no longer after there has been an admin.",
                "此链接只能使用一次；一旦有过管理员，它便失效。",
            ),
            Text("Make the account", "创建账户"),
            Text("You are the admin, and signed in.", "你已成为管理员，并已登录。"),
        ),
    }
)
"""Every page, by what stands behind `/account/`."""


@dataclass(frozen=True, slots=True)
class _Field:
    label: Text
    kind: str
    autocomplete: str
    note: Text | None = None
    required: bool = True


_PASSWORD = _Field(
    Text("Password", "密码"),
    "password",
    "new-password",
    Text(
        "At least 15 characters. A few plain words that only you would put together are good.",
        "至少 15 个字符。几个只有你会放在一起的普通词语就很好。",
    ),
)
_NEW_PASSWORD = _Field(
    Text("New password", "新密码"),
    "password",
    "new-password",
    Text(
        "At least 15 characters, or 8 where the account has a second factor. A few plain words are good.",
        "至少 15 个字符；若账户启用了第二因素，则至少 8 个。几个普通词语就很好。",
    ),
)
_FIELDS: Mapping[str, _Field] = {
    "email": _Field(Text("E-mail address", "邮箱"), "email", "username"),
    "name": _Field(Text("Name", "名称"), "text", "name", Text("May be left out.", "可以不填。"), required=False),
    "password": _PASSWORD,
    "new_password": _NEW_PASSWORD,
}


def render_account(page: AccountPage, prefix: str, language: str) -> bytes:
    """Return one of the pages, as HTML in UTF-8; `prefix` is where the API is served."""
    values = {
        "title": page.title.say(language),
        "page_lead": page.lead.say(language),
        "button": page.button.say(language),
        "done": page.done.say(language),
        "endpoint": prefix + page.endpoint,
        "token": page.token,
        "fields": [
            {
                "name": name,
                "label": _FIELDS[name].label.say(language),
                "kind": _FIELDS[name].kind,
                "autocomplete": _FIELDS[name].autocomplete,
                "note": note.say(language) if (note := _FIELDS[name].note) is not None else None,
                "required": _FIELDS[name].required,
            }
            for name in page.fields
        ],
    }
    return fill("account.html", language, values)
