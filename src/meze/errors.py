"""Every error that a client can see, and those that a programmer or an operator sees.

    Problem                      what a request is answered with: application/problem+json (RFC 9457)
    ├── BadRequest 400           malformed, unknown_parameter, unknown_field, bad_value, bad_cursor
    ├── Unauthenticated 401      bad_credentials, token_expired, token_revoked, second_factor_required
    ├── Forbidden 403            insufficient_scope, confirmation_required, registration_closed, bad_origin
    ├── NotFound 404
    ├── MethodNotAllowed 405, NotAcceptable 406, UnsupportedMediaType 415
    ├── AlreadyExists, StillReferenced, InProgress 409
    ├── Changed 412, PreconditionRequired 428
    ├── TooLarge 413, UriTooLong 414, HeadersTooLarge 431
    ├── Invalid, KeyReused, TooExpensive 422
    ├── TooManyRequests 429
    ├── Internal 500, Unavailable 503, StorageFull 507
    Mistake                      the program itself is wrong: refused at start with file, line, cause and remedy
    DeliveryFailed               a letter could not be handed over; no client sees it

A `Text` holds a sentence in every language that Meze answers in; which one is used is decided when the answer is
written. This module imports nothing of ours, so any layer may raise from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

LANGUAGES = ("en", "zh")
ENTRIES_SHOWN = 100


class Text(NamedTuple):
    """One sentence in each language; `{name}` in it is filled by `say`."""

    en: str
    zh: str

    def say(self, language: str, params: Mapping[str, Any] = {}) -> str:
        """Return the sentence in `language` (`en` where that is unknown), its `{names}` filled from `params`."""
        sentence = self.zh if language == "zh" else self.en
        return sentence.format_map(params) if params else sentence


ENTRY_TEXTS: dict[str, Text] = {
    "required": Text("This is required.", "此项必填。"),
    "unknown": Text("There is no such field.", "没有这个字段。"),
    "closed": Text("This field is set by the server; leave it out.", "此字段由服务器设置，请不要发送。"),
    "wrong_type": Text("Must be {expected}.", "必须是{expected_zh}。"),
    "too_long": Text("At most {max} characters.", "最多 {max} 个字符。"),
    "too_short": Text("At least {min} characters.", "至少 {min} 个字符。"),
    "too_big": Text("At most {max}.", "不能大于 {max}。"),
    "too_small": Text("At least {min}.", "不能小于 {min}。"),
    "not_one_of": Text("Must be one of: {allowed}.", "必须是以下之一：{allowed}。"),
    "bad_format": Text("Must be written as {expected}.", "格式必须是{expected_zh}。"),
    "no_such_row": Text("There is no such row.", "没有这一行。"),
    "already_exists": Text("This value is taken.", "此值已被占用。"),
}
"""What an entry of `errors` says, by its code. The codes are the contract's, and no other is sent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault in a request: where (exactly one of `pointer`, `parameter`, `header`), which, and with what limits.

    `params` fills the sentence and is sent, save the names that end in `_zh`, which serve the Chinese sentence.
    """

    code: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    text: Text | None = None

    def as_json(self, language: str) -> dict[str, Any]:
        shown = {name: value for name, value in self.params.items() if not name.endswith("_zh")}
        where = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        entry: dict[str, Any] = {name: value for name, value in where.items() if value is not None}
        entry["code"] = self.code
        if shown:
            entry["params"] = shown
        entry["detail"] = (self.text or ENTRY_TEXTS[self.code]).say(language, self.params)
        return entry


class Problem(Exception):
    """An answer that says what went wrong. Raised anywhere below the web layer, written there.

    `detail` overrides the class's sentence, `params` fills it, `headers` are sent with the answer. `members` are sent
    in the document beside the standard ones (RFC 9457 §3.2).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[Text]
    text: ClassVar[Text]
    remedy: ClassVar[Text]

    def __init__(
        self,
        detail: Text | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        entries: Sequence[Entry] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or self.text
        self.params = dict(params or {})
        self.entries = tuple(entries)
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        super().__init__(self.code)

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.detail.say('en', self.params)}"

    def as_json(self, language: str, request_id: str) -> dict[str, Any]:
        """Return the members of the problem document, in the order that people read them."""
        body: dict[str, Any] = {
            "type": f"/errors/{self.code}",
            "title": self.title.say(language),
            "status": self.status,
            "code": self.code,
            "detail": self.detail.say(language, self.params),
            "request_id": request_id,
            **self.members,
        }
        if self.entries:
            body["errors_total"] = len(self.entries)
            body["errors"] = [entry.as_json(language) for entry in self.entries[:ENTRIES_SHOWN]]
        return body


class BadRequest(Problem):
    """The request cannot be read."""

    status = 400
    code = "malformed"
    title = Text("Malformed request", "请求格式错误")
    text = Text("The request could not be read.", "无法读取该请求。")
    remedy = Text(
        "Send what the API reference describes: JSON in UTF-8, every key once, and a body as long as announced.",
        "请按 API 参考发送请求：UTF-8 编码的 JSON，每个键只出现一次，正文长度与声明一致。",
    )


class UnknownParameter(BadRequest):
    """A query parameter that means nothing here. Ignoring it would hide a typing error and return too much."""

    code = "unknown_parameter"
    title = Text("Unknown parameter", "未知参数")
    text = Text("There is no parameter '{name}' here.", "这里没有参数“{name}”。")
    remedy = Text(
        "Check the spelling against the API reference; a field is filtered by its own name.",
        "请对照 API 参考检查拼写；过滤字段时直接使用字段名。",
    )


class UnknownField(BadRequest):
    """A filter, sort or field list names a field that the caller cannot see.

    Hidden fields raise this too: a different answer would reveal that the field exists.
    """

    code = "unknown_field"
    title = Text("No such field", "没有这个字段")
    text = Text("There is no field '{name}' in {resource}.", "{resource} 中没有字段“{name}”。")
    remedy = Text(
        "Use a field that the API reference lists and that you may read; relations are crossed with two underscores.",
        "请使用 API 参考中列出且你有权读取的字段；跨越关系时用两个下划线连接。",
    )


class BadValue(BadRequest):
    code = "bad_value"
    title = Text("Bad value", "值无效")
    text = Text("The value of '{name}' cannot be used.", "“{name}”的值无法使用。")
    remedy = Text("Write the value as the parameter's type asks.", "请按该参数的类型书写它的值。")


class BadCursor(BadRequest):
    code = "bad_cursor"
    title = Text("Bad cursor", "游标无效")
    text = Text("This cursor does not belong to this query.", "该游标不属于这个查询。")
    remedy = Text(
        "Follow `next` as it was given, or start again without `cursor`.",
        "请原样使用返回的 `next`，或去掉 `cursor` 重新开始。",
    )


class Unauthenticated(Problem):
    """Nobody known is calling, and only somebody known may go on."""

    status = 401
    code = "unauthenticated"
    title = Text("Sign in first", "请先登录")
    text = Text("This needs a signed-in caller.", "此操作需要先登录。")
    remedy = Text("Send `Authorization: Bearer` with a valid token.", "请发送带有效令牌的 `Authorization: Bearer`。")

    def __init__(self, detail: Text | None = None, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class BadCredentials(Unauthenticated):
    """Credentials in the header that are not good are refused even where anyone may read."""

    code = "bad_credentials"
    title = Text("Bad credentials", "凭据无效")
    text = Text("The credentials that were sent are not valid.", "发送的凭据无效。")
    remedy = Text("Sign in again and send the new token.", "请重新登录并使用新的令牌。")


class TokenExpired(Unauthenticated):
    """An access token whose time is over, of a session that still lives: the one answer to which clients refresh."""

    code = "token_expired"
    title = Text("Token expired", "令牌已过期")
    text = Text("The access token has expired.", "访问令牌已过期。")
    remedy = Text(
        "Send the refresh token to `/auth/refresh`, and repeat the request with the new access token.",
        "请将刷新令牌发送到 `/auth/refresh`，再用新的访问令牌重试。",
    )


class TokenRevoked(Unauthenticated):
    """The session or the key was ended: by signing out, by a changed password, or by an administrator."""

    code = "token_revoked"
    title = Text("Token revoked", "令牌已被吊销")
    text = Text("The session or key of this token was ended.", "此令牌所属的会话或密钥已被终止。")
    remedy = Text("Sign in again.", "请重新登录。")


class SecondFactorRequired(Unauthenticated):
    """The password was right, and the account asks for a second factor; carries `mfa_token`."""

    code = "second_factor_required"
    title = Text("Second factor required", "需要第二因素")
    text = Text("This account asks for a second factor.", "此账户要求第二因素验证。")
    remedy = Text(
        "Send `mfa_token` and a code of your authenticator, or a recovery code, to `/auth/login/second-factor`.",
        "请将 `mfa_token` 与身份验证器中的验证码（或一个恢复码）发送到 `/auth/login/second-factor`。",
    )


class Forbidden(Problem):
    """We know who is calling, and they may see it, but not do this."""

    status = 403
    code = "forbidden"
    title = Text("Not allowed", "没有权限")
    text = Text("You may not do this.", "你没有权限执行此操作。")
    remedy = Text("Ask the owner of the data or an administrator.", "请联系数据的所有者或管理员。")


class InsufficientScope(Forbidden):
    """The rules would let the owner of the key do this; the key itself may not."""

    code = "insufficient_scope"
    title = Text("Outside the scopes of the key", "超出密钥的权限范围")
    text = Text("The scopes of this API key do not reach this.", "此 API 密钥的权限范围不包括该操作。")
    remedy = Text("Use a key with the scope that this needs.", "请使用具备所需权限范围的密钥。")


class ConfirmationRequired(Forbidden):
    """Who walks up to an open screen must not be able to take the account over."""

    code = "confirmation_required"
    title = Text("Confirm that it is you", "请确认是你本人")
    text = Text("This needs your password or a code again.", "此操作需要再次输入密码或验证码。")
    remedy = Text(
        "Send `password` or `code` to `/auth/confirm`, and repeat the request within 10 minutes.",
        "请将 `password` 或 `code` 发送到 `/auth/confirm`，并在 10 分钟内重试。",
    )


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    title = Text("Registration is closed", "未开放注册")
    text = Text("New accounts need an invitation here.", "此处注册新账户需要邀请。")
    remedy = Text("Ask an administrator for an invitation.", "请向管理员索取邀请。")


class BadOrigin(Forbidden):
    """A request with our cookie that another site may have made (CSRF)."""

    code = "bad_origin"
    title = Text("Not from our own pages", "请求并非来自本站页面")
    text = Text(
        "A change with the session cookie must come from a page of ours, with its X-CSRF-Token.",
        "使用会话 Cookie 的修改请求必须来自本站页面，并带有 X-CSRF-Token。",
    )
    remedy = Text(
        "Send `Origin` as browsers do, and the value of the cookie `meze_csrf` as `X-CSRF-Token`; "
        "programs use `Authorization: Bearer` instead of the cookie.",
        "请像浏览器那样发送 `Origin`，并把 Cookie `meze_csrf` 的值作为 `X-CSRF-Token` 发送；"
        "程序应使用 `Authorization: Bearer` 而不是 Cookie。",
    )


class NotFound(Problem):
    """Missing, or not the caller's to see: the two are the same on purpose."""

    status = 404
    code = "not_found"
    title = Text("Not found", "未找到")
    text = Text("There is nothing here that you may see.", "这里没有你可以查看的内容。")
    remedy = Text("Check the address; sign in if the row may be private.", "请检查地址；若内容是私有的，请先登录。")


class MethodNotAllowed(Problem):
    status = 405
    code = "method_not_allowed"
    title = Text("Method not allowed", "不支持该方法")
    text = Text("{method} is not possible here.", "此处不支持 {method}。")
    remedy = Text("Use one of the methods in the `Allow` header.", "请使用 `Allow` 头中列出的方法。")


class NotAcceptable(Problem):
    status = 406
    code = "not_acceptable"
    title = Text("Not acceptable", "无法提供该格式")
    text = Text("This address answers with {offered}.", "此地址只提供 {offered}。")
    remedy = Text("Ask for that type in `Accept`, or leave the header out.", "请在 `Accept` 中请求该类型，或去掉此头。")


class UnsupportedMediaType(Problem):
    status = 415
    code = "unsupported_media_type"
    title = Text("Unsupported media type", "不支持的媒体类型")
    text = Text("The body must be sent as {accepted}.", "正文必须以 {accepted} 发送。")
    remedy = Text("Set `Content-Type` to that type.", "请将 `Content-Type` 设为该类型。")


class AlreadyExists(Problem):
    """A unique value is taken. Names the field, never the constraint."""

    status = 409
    code = "already_exists"
    title = Text("Already exists", "已存在")
    text = Text("A row with this value exists already.", "已存在具有该值的行。")
    remedy = Text("Choose another value, or change the row that has it.", "请换一个值，或修改已有的那一行。")


class StillReferenced(Problem):
    """Other rows point at this one. Names the referring resource only to those who may read it."""

    status = 409
    code = "still_referenced"
    title = Text("Still referenced", "仍被引用")
    text = Text("Other rows still point at this one.", "仍有其他行引用这一行。")
    remedy = Text("Delete or move those rows first.", "请先删除或移动那些行。")


class InProgress(Problem):
    """The first request with this Idempotency-Key has not been answered yet: what it will do is not known."""

    status = 409
    code = "in_progress"
    title = Text("Still in progress", "仍在处理中")
    text = Text("A request with this Idempotency-Key is being answered.", "带有此 Idempotency-Key 的请求正在处理中。")
    remedy = Text(
        "Wait a moment and send the same request again, with the same key: it gets the answer of the first.",
        "请稍候，再用相同的键发送相同的请求，即可得到第一次请求的应答。",
    )


class Changed(Problem):
    status = 412
    code = "changed"
    title = Text("Changed meanwhile", "内容已变更")
    text = Text("The row is not as your `If-Match` says it was.", "该行已与 `If-Match` 所指的版本不同。")
    remedy = Text("Fetch the row again and repeat the change on it.", "请重新获取该行，再提交修改。")


class PreconditionRequired(Problem):
    status = 428
    code = "precondition_required"
    title = Text("Precondition required", "缺少前提条件")
    text = Text("This change needs an `If-Match` header.", "此修改需要 `If-Match` 头。")
    remedy = Text("Send the row's `ETag` as `If-Match`.", "请把该行的 `ETag` 作为 `If-Match` 发送。")


class TooLarge(Problem):
    status = 413
    code = "too_large"
    title = Text("Body too large", "正文过大")
    text = Text("The body may hold at most {max} bytes.", "正文最多 {max} 字节。")
    remedy = Text("Send less at a time.", "请减少单次发送的内容。")


class UriTooLong(Problem):
    status = 414
    code = "uri_too_long"
    title = Text("Address too long", "地址过长")
    text = Text("The address may hold at most {max} bytes.", "地址最多 {max} 字节。")
    remedy = Text("Use fewer or shorter parameters.", "请减少或缩短参数。")


class HeadersTooLarge(Problem):
    status = 431
    code = "headers_too_large"
    title = Text("Headers too large", "请求头过大")
    text = Text("The headers may hold at most {max} bytes together.", "请求头合计最多 {max} 字节。")
    remedy = Text("Send fewer or shorter headers.", "请减少或缩短请求头。")


class Invalid(Problem):
    """The body was read and does not fit. Holds every fault at once, not the first."""

    status = 422
    code = "invalid"
    title = Text("Invalid input", "输入无效")
    text = Text("{count} fields are not valid.", "有 {count} 个字段无效。")
    remedy = Text(
        "Mend what `errors` lists; each entry points at its place.",
        "请修正 `errors` 中列出的各项，每项都指明了位置。",
    )

    one = Text("1 field is not valid.", "有 1 个字段无效。")

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__(self.one if len(entries) == 1 else None, params={"count": len(entries)}, entries=entries)


class KeyReused(Problem):
    """The key stands for another request, so neither its answer nor a new one can be right."""

    status = 422
    code = "key_reused"
    title = Text("Idempotency-Key used before", "Idempotency-Key 已被使用")
    text = Text(
        "This Idempotency-Key was sent with another method, address or body.",
        "此 Idempotency-Key 曾用于方法、地址或正文不同的请求。",
    )
    remedy = Text(
        "Make a new key for each new request; repeat a key only with the very same request.",
        "每个新请求都应使用新的键；只有重发完全相同的请求时才沿用原来的键。",
    )


class TooExpensive(Problem):
    status = 422
    code = "too_expensive"
    title = Text("Too expensive", "代价过高")
    text = Text("This would cost too much to answer.", "回答此请求的代价过高。")
    remedy = Text(
        "Ask for fewer rows, fewer related rows, or filter by an indexed field.",
        "请减少行数或关联行数，或按有索引的字段过滤。",
    )


class TooManyRequests(Problem):
    """Too much was tried in too short a time. `Retry-After` tells whole seconds after which it is possible again."""

    status = 429
    code = "too_many_requests"
    title = Text("Too many requests", "请求过多")
    text = Text("Too many attempts; wait {seconds} s.", "尝试次数过多，请等待 {seconds} 秒。")
    remedy = Text("Try again after the time in `Retry-After`.", "请在 `Retry-After` 所示时间后重试。")

    def __init__(self, detail: Text | None = None, *, retry_after_seconds: int, **kwargs: Any) -> None:
        super().__init__(detail, params={"seconds": retry_after_seconds}, **kwargs)
        self.headers.setdefault("Retry-After", str(retry_after_seconds))


class Internal(Problem):
    """Our own fault. Says nothing of the inside; the request id leads to the log."""

    status = 500
    code = "internal"
    title = Text("Internal error", "内部错误")
    text = Text("Something went wrong on our side.", "服务器内部出错。")
    remedy = Text("Try again later; report the request id if it persists.", "请稍后再试；若持续出现，请报告请求编号。")


class Unavailable(Problem):
    status = 503
    code = "unavailable"
    title = Text("Unavailable", "暂时不可用")
    text = Text("The service cannot answer just now.", "服务暂时无法应答。")
    remedy = Text("Try again after the time in `Retry-After`.", "请在 `Retry-After` 所示时间后重试。")

    def __init__(self, detail: Text | None = None, *, retry_after_seconds: int = 1, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("Retry-After", str(retry_after_seconds))


class StorageFull(Problem):
    status = 507
    code = "storage_full"
    title = Text("Storage full", "存储空间已满")
    text = Text("There is no room left to store this.", "没有空间存储此内容。")
    remedy = Text("Reading still works; try again once room was made.", "读取仍可进行；请在腾出空间后重试。")


def problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every kind of problem, each once, parents before children.

    A class without a code of its own tells our own code more than its parent does, and a client the same.
    """
    for kind in base.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from problems(kind)


class Mistake(Exception):
    """The user's program is wrong in a way that can be told at start.

    `cause` says what is wrong, `remedy` what to write instead, `where` is `file:line` of the user's own source, or
    None where no single line is to blame.
    """

    def __init__(self, cause: str, remedy: str, where: str | None = None) -> None:
        self.cause = cause
        self.remedy = remedy
        self.where = where
        super().__init__(cause)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.cause}\n  → {self.remedy}"


class DeliveryFailed(Exception):
    """A letter was not taken. `permanent` says that trying again would not help.

    The words are for the log: they name the reason, and neither the address nor what the letter holds.
    """

    def __init__(self, reason: str, *, permanent: bool) -> None:
        self.permanent = permanent
        super().__init__(reason)
