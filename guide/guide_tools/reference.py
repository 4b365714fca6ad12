"""Write the reference pages from the code: every operator, error, setting and command, in each language.

    python guide/guide_tools/reference.py        writes guide/<language>/reference/*.md

A test compares the pages with what this would write, so that they cannot fall behind. What the code says in English
only is said in Chinese by `phrases.py`; a sentence that is missing there stops the writing.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Column, Table, types
from sqlalchemy.schema import MetaData
from sqlalchemy.types import TypeEngine

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from guide_tools.phrases import COMMANDS, OPTIONS, SETTINGS_HELP, UNITS
from meze.cli import meze
from meze.errors import ENTRY_TEXTS, LANGUAGES, Problem, Text, problems
from meze.query.operators import OPERATORS
from meze.resources.fields import FieldType, field_type
from meze.settings import SETTINGS, Setting

GUIDE = Path(__file__).parent.parent
Rows = Iterable[Sequence[str]]

PLAIN_TYPES: list[TypeEngine[Any]] = [
    types.Integer(),
    types.Boolean(),
    types.Enum("a", "b"),
    types.String(),
    types.Float(),
    types.Numeric(8, 2),
    types.Date(),
    types.DateTime(),
    types.Time(),
    types.Interval(),
    types.Uuid(),
    types.JSON(),
    types.LargeBinary(),
    types.ARRAY(types.Integer()),
]
COLUMNS = [Column(f"c{index}", plain) for index, plain in enumerate(PLAIN_TYPES)]
"""A column of a plain type for each of FIELD_TYPES, in that order."""

Table("kinds", MetaData(), *COLUMNS)


def pages(language: str) -> dict[str, str]:
    """Return every reference page of a language, by its file name."""
    writers: dict[str, Callable[[str], Iterator[str]]] = {
        "operators.md": _operators,
        "errors.md": _errors,
        "settings.md": _settings,
        "commands.md": _commands,
    }
    return {name: "\n".join(write(language)) + "\n" for name, write in writers.items()}


def _operators(language: str) -> Iterator[str]:
    say = _speaker(language)
    yield say("# Operators", "# 运算符")
    yield ""
    yield say(
        "A filter is `field=value` or `field__operator=value`; without an operator it is `eq`. A value that does not "
        "fit is refused.",
        "过滤条件写作 `field=value` 或 `field__operator=value`，省略运算符即为 `eq`。值不合法时请求会被拒绝。",
    )
    yield ""
    rows = (
        (
            f"`{row.name}`",
            row.phrase.say(language),
            _operand(row.operand.value).say(language),
            say("yes", "是") if row.includes_null else "",
        )
        for row in OPERATORS.values()
    )
    yield from _table(
        say("Operator|Holds where the field|Value|Also for NULL", "运算符|成立条件：字段值|参数|NULL 也成立"), rows
    )
    yield ""
    yield say("## By type", "## 各类型可用的运算符")
    yield ""
    yield from _table(
        say("Type|Operators|Can be sorted by", "类型|运算符|可排序"),
        (
            (
                kind.phrase.say(language),
                " ".join(f"`{name}`" for name in OPERATORS if name in kind.operators),
                say("yes", "是") if kind.sortable else "",
            )
            for kind in field_types()
        ),
    )


def _operand(kind: str) -> Text:
    return {
        "one": Text("one", "一个值"),
        "many": Text('several, as CSV: `a,"b, c"`', '多个值，CSV 格式：`a,"b, c"`'),
        "flag": Text("`true` or `false`", "`true` 或 `false`"),
    }[kind]


def _errors(language: str) -> Iterator[str]:
    say = _speaker(language)
    yield say("# Errors", "# 错误")
    yield ""
    yield say(
        "Every error is `application/problem+json` (RFC 9457). Your own server has a page on each, at "
        "`/errors/<code>`. In the sentences, what stands *so* is filled in.",
        "所有错误都是 `application/problem+json`（RFC 9457），你的服务器在 `/errors/<code>` 上对每种错误都有说明。"
        "下面句中的*斜体*会换成实际内容。",
    )
    yield ""
    kinds = sorted(problems(), key=lambda kind: kind.status)
    yield from _table(
        say("Status|Code|Meaning|What to do", "状态码|错误码|含义|处理办法"),
        ((str(kind.status), f"`{kind.code}`", _meaning(kind, language), kind.remedy.say(language)) for kind in kinds),
    )
    yield ""
    yield say("## Entries", "## errors 中的条目")
    yield ""
    yield say(
        "An error that has several causes lists them in `errors`. Each has a code, a sentence, and one of `pointer` "
        "(a place in the body), `parameter` or `header`.",
        "一个错误若有多处原因，会逐条列在 `errors` 中。每条都有错误码和说明，并用 `pointer`（请求体中的位置）、"
        "`parameter` 或 `header` 之一指明出处。",
    )
    yield ""
    entries = ((f"`{code}`", _with_names(text.say(language))) for code, text in ENTRY_TEXTS.items())
    yield from _table(say("Code|Sentence", "错误码|说明"), entries)


def _meaning(kind: type[Problem], language: str) -> str:
    return _with_names(kind.text.say(language))


def _with_names(sentence: str) -> str:
    """Return a sentence whose `{names}` stand for what is filled in."""
    return sentence.replace("_zh}", "}").replace("{", "*").replace("}", "*")


def _settings(language: str) -> Iterator[str]:
    say = _speaker(language)
    yield say("# Settings", "# 设置")
    yield ""
    yield say(
        "Read in this order, the later one wins: the default, `[tool.meze]` in `pyproject.toml`, `.env`, the "
        "environment, and what the program (`app.config`) or a flag says. In `pyproject.toml` a setting has the name "
        "of the second column.",
        "按以下顺序读取，后者优先：默认值、`pyproject.toml` 的 `[tool.meze]`、`.env`、环境变量、程序（`app.config`）"
        "或命令行参数。在 `pyproject.toml` 中使用第二列的名称。",
    )
    yield ""
    rows = (
        (f"`{each.name}`", f"`{each.attribute}`", _default(each), _help(each, language) + _unit(each, language))
        for each in SETTINGS
    )
    yield from _table(say("Environment|`[tool.meze]`|Default|Meaning", "环境变量|`[tool.meze]`|默认值|含义"), rows)


def _default(setting: Setting) -> str:
    return f"`{setting.default}`" if setting.default not in (None, "") else ""


def _help(setting: Setting, language: str) -> str:
    return setting.help if language == "en" else SETTINGS_HELP[setting.name]


def _unit(setting: Setting, language: str) -> str:
    if setting.unit not in UNITS:  # what is counted is said in the sentence
        return ""
    return f" In {setting.unit}." if language == "en" else f"单位：{UNITS[setting.unit]}。"


def _commands(language: str) -> Iterator[str]:
    say = _speaker(language)
    yield say("# Commands", "# 命令")
    yield ""
    yield say(
        "Every command explains itself with `--help`, and stands under `flask meze …` too. The app is found as Flask "
        "finds it: in `wsgi.py` or `app.py`, by `--app`, or by `FLASK_APP`.",
        "每条命令都可以用 `--help` 查看说明，也都可以写成 `flask meze …`。应用的查找方式与 Flask 相同：`wsgi.py` 或 "
        "`app.py`、`--app`、`FLASK_APP`。",
    )
    for name, command in commands():
        yield ""
        yield f"## {name}"
        yield ""
        arguments = [each.human_readable_name for each in command.params if isinstance(each, click.Argument)]
        if arguments:
            yield f"`{' '.join([name, *arguments])}`"
            yield ""
        yield inspect.cleandoc(command.help or "") if language == "en" else COMMANDS[name]
        options = [each for each in command.params if isinstance(each, click.Option) and each.name != "help"]
        if options:
            yield ""
            rows = ((_option(each), _option_help(each, name, language)) for each in options)
            yield from _table(say("Option|Meaning", "选项|含义"), rows)


def commands(group: click.Group = meze, above: str = "meze") -> Iterator[tuple[str, click.Command]]:
    """Yield every command by its full name, without the groups."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above} {name}")
        else:
            yield f"{above} {name}", command


def _option(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.type.name.upper().split()[0]}"
    return f"`{option.opts[0]}{value}`"


def _option_help(option: click.Option, command: str, language: str) -> str:
    if language == "en":
        return option.help or ""
    return OPTIONS.get(f"{command} {option.opts[0]}") or OPTIONS[option.opts[0]]


def field_types() -> list[FieldType]:
    """Return one FieldType of each kind."""
    return [field_type(column, lambda _: 64, "postgresql") for column in COLUMNS]


def _speaker(language: str) -> Callable[[str, str], str]:
    return lambda en, zh: zh if language == "zh" else en


def _table(head: str, rows: Rows) -> Iterator[str]:
    names = head.split("|")
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def main() -> None:
    for language in LANGUAGES:
        folder = GUIDE / language / "reference"
        folder.mkdir(exist_ok=True)
        for name, text in pages(language).items():
            (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
