"""The audit trail: what happened to accounts, who did it, from where. It holds no address of mail and nothing secret.

Rows are written in the transaction of what they tell of, so that neither stands without the other.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Integer, Table, bindparam, null, update

from meze.accounts.storage import Also, Work
from meze.accounts.tables import AccountEvent
from meze.accounts.visitor import Visitor
from meze.errors import Text

EVENTS: dict[str, Text] = {
    "registered": Text("The account was made.", "创建了账户。"),
    "signed_in": Text("Somebody signed in.", "登录成功。"),
    "sign_in_failed": Text("The password, or the code, was wrong.", "密码或验证码错误。"),
    "signed_out": Text("A session was ended.", "结束了一个会话。"),
    "signed_out_everywhere": Text("All sessions were ended.", "结束了所有会话。"),
    "token_reused": Text("A refresh token came twice; its session was ended.", "刷新令牌被重复使用，其会话已终止。"),
    "confirmed": Text("A session proved again who it is.", "会话再次确认了身份。"),
    "renamed": Text("The name was changed.", "修改了名称。"),
    "email_verified": Text("The address was proved.", "邮箱已验证。"),
    "email_change_asked": Text("Another address was asked for.", "申请更换邮箱。"),
    "email_changed": Text("The address was changed.", "更换了邮箱。"),
    "password_changed": Text("The password was changed.", "修改了密码。"),
    "password_reset_asked": Text("A link to set a new password was asked for.", "申请重置密码。"),
    "password_reset": Text("The password was set anew by a link.", "通过链接重置了密码。"),
    "second_factor_on": Text("The second factor was switched on.", "启用了第二因素。"),
    "second_factor_off": Text("The second factor was switched off.", "停用了第二因素。"),
    "recovery_code_used": Text("A recovery code was used.", "使用了恢复码。"),
    "key_created": Text("An API key was made.", "创建了 API 密钥。"),
    "key_revoked": Text("An API key was revoked.", "吊销了 API 密钥。"),
    "invited": Text("Somebody was invited.", "发出了邀请。"),
    "roles_changed": Text("The roles were changed.", "修改了角色。"),
    "disabled": Text("The account was disabled.", "停用了账户。"),
    "enabled": Text("The account was enabled again.", "重新启用了账户。"),
    "deleted": Text("The account was deleted.", "删除了账户。"),
    "explained": Text("An answer of the API was explained to an admin.", "向管理员解释了一次 API 应答。"),
}
"""Every event of the trail, by its name."""

_events: Table = AccountEvent.__table__  # type: ignore[assignment]  # declared as the wider FromClause
_DEPERSONALISE = (
    update(_events)
    .where(_events.c.user_id == bindparam("of_user", type_=Integer))
    .values(address=null(), device=null())
)

_DEPERSONALISE_DOER = (
    update(_events)
    .where(_events.c.by_id == bindparam("of_user", type_=Integer))
    .values(by_address=null(), by_device=null())
)


def record(work: Work, event: str, user_id: int | None, visitor: Visitor, by_id: int | None = None) -> None:
    """Write that `event` happened to a user; `by_id` is who did it, where that was somebody else."""
    assert event in EVENTS, event
    own = by_id in (None, user_id)
    work.add(
        _events,
        at=datetime.now(UTC),
        event=event,
        user_id=user_id,
        by_id=None if own else by_id,
        address=visitor.address if own else None,
        device=visitor.device if own else None,
        by_address=None if own else visitor.address,
        by_device=None if own else visitor.device,
    )


def recording(event: str, user_id: int, visitor: Visitor) -> Also:
    """Return what writes an event in the transaction that it is given."""
    return lambda work: record(work, event, user_id, visitor)


def depersonalise(work: Work, user_id: int) -> None:
    """Take everything personal out of the trail of an account that goes; what happened, and when, stays."""
    work.execute(_DEPERSONALISE, of_user=user_id)
    work.execute(_DEPERSONALISE_DOER, of_user=user_id)
