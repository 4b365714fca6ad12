"""One structured line for each request, and one for each error that nobody expected.

People at a terminal get a short line; everything else gets JSON, one object a line. Values that clients sent are never
in it, so that a log can be handed on. structlog does the work, on loggers of our own: the program's logging is its own.
"""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Literal, TextIO

import msgspec

from meze.events import Events, RequestAnswered, RequestFailed
from meze.observe.lines import Lines

PARAMETERS_SHOWN = 20
# A name may be anything that a client can write, a token without its `name=` among them.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
_DATABASE_MODULES = ("sqlalchemy", "psycopg", "sqlite3", "pysqlite3")

Line = MutableMapping[str, Any]


class _Line(msgspec.Struct, omit_defaults=True, gc=False):
    """The line of a request, as it is written for machines. The same members that structlog writes for people."""

    method: str
    route: str
    status: int
    milliseconds: float
    request_id: str
    caller: int | None = None
    rows: int | None = None
    parameters: list[str] | None = None
    code: str | None = None
    level: str = ""
    timestamp: str = ""
    event: Literal["request", ""] = ""


_encode = msgspec.json.Encoder().encode


def _timestamp(now: float) -> str:
    """Return a moment, in seconds since 1970, as RFC 3339 has it."""
    seconds = int(now)
    return f"{_second(seconds)}.{int((now - seconds) * 1e6):06d}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class RequestLog:
    """Writes to `stream`. `human` None means: short lines if the stream is a terminal, else JSON."""

    def __init__(self, stream: TextIO | None = None, *, human: bool | None = None, colours: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._human = self._stream.isatty() if human is None else human
        self._colours = colours
        self._lines = None if self._human else Lines(self._stream)

    @cached_property
    def _logger(self) -> Any:
        import structlog  # takes a while, with all that it draws in: a server starts without it

        return structlog.wrap_logger(
            structlog.WriteLogger(self._stream),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.add_log_level,
                _HumanLine(self._colours) if self._human else structlog.processors.JSONRenderer(_json),
            ],
            wrapper_class=structlog.BoundLogger,
            context_class=dict,
        ).bind()

    def subscribe_to(self, events: Events) -> None:
        events.subscribe(RequestAnswered, self.answered)
        events.subscribe(RequestFailed, self.failed)

    def answered(self, event: RequestAnswered) -> None:
        """Write one line; what is not known of the request is left out."""
        if self._lines is None:
            self._shown(event)
            return
        level = "error" if event.status >= 500 else "info"
        self._lines.add(
            _encode(
                _Line(
                    event.method,
                    event.route,
                    event.status,
                    round(event.milliseconds, 2),
                    event.request_id,
                    event.caller_id,
                    event.rows,
                    shown_names(event.parameters) or None if event.parameters else None,
                    event.code,
                    level,
                    _timestamp(time.time()),
                    "request",
                )
            )
        )
        if level == "error":
            self._lines.write()

    def _shown(self, event: RequestAnswered) -> None:
        optional = {
            "caller": event.caller_id,
            "rows": event.rows,
            "parameters": shown_names(event.parameters) or None,
            "code": event.code,
        }
        write = self._logger.error if event.status >= 500 else self._logger.info
        write(
            "request",
            method=event.method,
            route=event.route,
            status=event.status,
            milliseconds=round(event.milliseconds, 2),
            request_id=event.request_id,
            **{name: value for name, value in optional.items() if value is not None},
        )

    def write_later(self) -> None:
        """Have lines for machines written many at a time from now on, as a server should."""
        if self._lines is not None:
            self._lines.later = True

    def flush(self) -> None:
        """Write the lines that wait."""
        if self._lines is not None:
            self._lines.write()

    def failed(self, event: RequestFailed) -> None:
        """Write one line, with where the error was raised."""
        self.flush()
        self._logger.error(
            "error",
            method=event.method,
            route=event.route,
            request_id=event.request_id,
            error=described(event.error),
            stack=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack_of(event.error)],
        )


def shown_names(names: tuple[str, ...]) -> list[str]:
    """Return the names of parameters as they may be logged: few, short, and `?` for what is no name."""
    return [name if _NAME.fullmatch(name) else "?" for name in names[:PARAMETERS_SHOWN]]


def described(error: BaseException) -> str:
    """Return the error's type and words; of a database's error the type alone, because its words quote the row."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.partition(".")[0] in _DATABASE_MODULES:
        return f"{name} {getattr(error, 'sqlstate', None) or ''}".rstrip()
    return f"{name}: {error}"


def stack_of(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


def _json(line: Line, **_: object) -> str:
    return msgspec.json.encode(line).decode()


class _HumanLine:
    """`12:03:05  200  GET /api/v1/cities  3.1 ms  20 rows  ?country_code&sort`"""

    def __init__(self, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: object, _method: str, line: Line) -> str:
        clock = line["timestamp"][11:19]
        if line["event"] == "error":
            stack = "".join(f"\n    {_plain(frame)}" for frame in line["stack"])
            head = f"{clock}  {line['method']} {_plain(line['route'])} failed: {_plain(line['error'])}"
            return f"{head}  ({_plain(line['request_id'])}){stack}"
        parts = [
            clock,
            self._coloured(line["status"]),
            f"{_plain(line['method'])} {_plain(line['route'])}",
            f"{line['milliseconds']:.1f} ms",
        ]
        if "rows" in line:
            parts.append(f"{line['rows']} row{'' if line['rows'] == 1 else 's'}")
        if "parameters" in line:
            parts.append("?" + "&".join(line["parameters"]))
        if "caller" in line:
            parts.append(f"caller {line['caller']}")
        if "code" in line:
            parts.append(line["code"])
        if line["status"] >= 500:
            parts.append(_plain(line["request_id"]))
        return "  ".join(parts)

    def _coloured(self, status: int) -> str:
        if not self._colours:
            return str(status)
        colour = {2: 32, 3: 36, 4: 33, 5: 31}.get(status // 100, 0)
        return f"\x1b[{colour}m{status}\x1b[0m"


def _plain(text: str) -> str:
    """Return the text with everything escaped that could move the cursor or begin a new line."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
