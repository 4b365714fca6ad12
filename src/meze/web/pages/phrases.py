"""What the pages say in each language, apart from what the application itself supplies."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from meze.errors import Text

LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}
"""The `lang` attribute of a page: with it browsers choose the right glyphs and screen readers the right voice."""

PHRASES: Mapping[str, Text] = MappingProxyType(
    {
        "skip": Text("Skip to the content", "跳到正文"),
        "reference": Text("API reference", "API 参考"),
        "reference_note": Text(
            "every address, parameter and answer, to read and to try", "所有地址、参数与应答，可以阅读也可以直接试用"
        ),
        "openapi": Text("OpenAPI document", "OpenAPI 文档"),
        "openapi_note": Text(
            "the same for machines: generate a client from it", "供机器阅读的同一内容，可据此生成客户端"
        ),
        "health": Text("Health", "运行状况"),
        "health_note": Text("whether this server is ready to answer", "此服务器是否已准备好应答"),
        "here": Text("What is here", "这里有什么"),
        "nothing_here": Text(
            "Nothing is served yet. Declare a resource with `api.resource(Model, read=anyone)` and it appears here.",
            "还没有提供任何资源。用 `api.resource(Model, read=anyone)` 声明一个资源，它就会出现在这里。",
        ),
        "rows": Text("{rows} rows", "{rows} 行"),
        "open": Text("open to everyone", "对所有人开放"),
        "closed": Text("depends on who asks", "取决于访问者"),
        "try": Text("Requests to try", "试试这些请求"),
        "try_note": Text("The answers below come from this server.", "下面的应答来自这台服务器。"),
        "answer": Text("Answer", "应答"),
        "clipped": Text("… {lines} more lines", "…… 另有 {lines} 行"),
        "on": Text("Where to go from here", "接下来"),
        "served_by": Text("Served by Meze {version}", "由 Meze {version} 提供服务"),
        "needs_script": Text(
            "The API reference is drawn by a script of this server. Without scripts, read the OpenAPI document:",
            "API 参考由本服务器的脚本绘制。如不启用脚本，请阅读 OpenAPI 文档：",
        ),
        "home": Text("Start page", "首页"),
        "error": Text("Error", "错误"),
        "meaning": Text("What it means", "含义"),
        "remedy": Text("What to do", "怎么办"),
        "example": Text("What the answer looks like", "应答的样子"),
        "entries": Text("What an entry of errors can say", "errors 中每一项可能的内容"),
        "entries_note": Text(
            "Each entry points at its place: `pointer` in the body, `parameter` in the query, or `header`.",
            "每一项都指明位置：正文中的 `pointer`、查询中的 `parameter`，或 `header`。",
        ),
        "code": Text("Code", "代码"),
        "sentence": Text("Sentence", "说明"),
        "form_needs_script": Text(
            "This page needs scripts: what you write is sent by a script of this server, and by nothing else.",
            "此页面需要启用脚本：你填写的内容只由本服务器的脚本发送。",
        ),
        "link_incomplete": Text(
            "The link is not complete. Open it again from the message that it came in.",
            "链接不完整，请从收到的消息中重新打开它。",
        ),
        "unreachable": Text("The server cannot be reached. Try again.", "无法连接服务器，请重试。"),
        "sending": Text("One moment …", "请稍候……"),
        "faulty": Text("Something above needs another look.", "上面有内容需要修改。"),
        "show_password": Text("Show the password", "显示密码"),
        "others": Text("All errors", "所有错误"),
    }
)


def phrases_in(language: str) -> dict[str, str]:
    """Return every phrase in `language`, placeholders unfilled; English where the language is unknown."""
    return {name: text.say(language) for name, text in PHRASES.items()}
