"""Turn a template and values into the parts of a letter.

Templates are `<name>.<language>.txt`, whose first line is `Subject: …`, and `<name>.<language>.html`. A file of the
same name in the project's `templates/meze/mail/` comes before ours. They run in a sandbox: a template reads the values
that it is given, and reaches nothing of the program.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from meze.errors import LANGUAGES, DeliveryFailed, Mistake, Text
from meze.mail.letter import Content, plain

TEMPLATES = (
    "registration",
    "account_exists",
    "verify_email",
    "reset_password",
    "change_email",
    "email_changed",
    "password_changed",
    "invitation",
    "second_factor_on",
    "second_factor_off",
    "key_created",
    "new_sign_in",
    "refresh_reuse",
    "many_failures",
    "account_deleted",
)
"""Every letter that Meze sends."""

VALUES = ("public_url", "name", "email", "link", "valid_minutes", "at", "address", "device", "key_name")
"""What a template may show, beside `service`, `language`, `subject` and `valid_for`; none where there is none."""

_OURS = Path(__file__).parent / "templates"
_SUBJECT = "Subject:"
_SAMPLE: dict[str, Any] = {
    "public_url": "https://api.example.com",
    "name": "Ada",
    "email": "ada@example.com",
    "link": "https://api.example.com/account/verify#token=sample",
    "valid_minutes": 60,
    "at": "2030-01-01 12:00 UTC",
    "address": "192.0.2.1",
    "device": "Firefox",
    "key_name": "backup",
}
_SPANS = (
    (24 * 60, Text("{n} day{s}", "{n} 天")),
    (60, Text("{n} hour{s}", "{n} 小时")),
    (1, Text("{n} minute{s}", "{n} 分钟")),
)


class Renderer:
    """Renders in the name of `service`. `overrides` is the folder of the project's own templates.

    Raises:
        Mistake: one of the overrides is named like no template, or cannot be rendered.
    """

    def __init__(self, service: str, overrides: Path) -> None:
        self._service = plain(service)
        self._environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(overrides), FileSystemLoader(_OURS)]),
            autoescape=lambda name: name is None or not name.endswith(".txt"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._check(overrides)

    def render(self, template: str, language: str, values: Mapping[str, Any]) -> Content:
        """Return the letter, in English where it is not written in `language`.

        Raises:
            DeliveryFailed: there is no such template, or it cannot be rendered.
        """
        if template not in TEMPLATES:
            raise DeliveryFailed(f"there is no template {template!r}", permanent=True)
        try:
            return self._render(template, language, values)
        except Exception as error:
            # A template is a program of the user's own and may fail in any way. It can be mended while the letter
            # waits. The error's words may quote a value, so only its kind is told.
            raise DeliveryFailed(f"the template {template}: {type(error).__name__}", permanent=False) from None

    def _render(self, template: str, language: str, values: Mapping[str, Any]) -> Content:
        context = {name: _flat(values.get(name)) for name in VALUES}
        context |= {
            "service": self._service,
            "language": language,
            "valid_for": span(values.get("valid_minutes"), language),
        }
        head, _, text = self._fill(f"{template}.{language}.txt", context).partition("\n")
        if not head.startswith(_SUBJECT):
            raise TemplateError(f"the first line of {template}.{language}.txt must be '{_SUBJECT} …'")
        subject = plain(head.removeprefix(_SUBJECT))
        html = self._fill(f"{template}.{language}.html", context | {"subject": subject})
        return Content(subject, text.strip() + "\n", html)

    def _fill(self, name: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(name).render(context)

    def _check(self, overrides: Path) -> None:
        """Read every file of the project's own, and render each letter once with samples where there is any."""
        found = sorted(path for path in overrides.rglob("*") if path.suffix in (".txt", ".html"))
        for path in found:
            self._check_file(path.relative_to(overrides).as_posix(), path)
        if not found:
            return
        for template, language in product(TEMPLATES, LANGUAGES):
            try:
                self._render(template, language, _SAMPLE)
            except Exception as error:
                # Only samples were shown to it, so its words hold nothing of anybody.
                raise Mistake(
                    f"This template cannot be rendered: {error}.",
                    f"It may use service, language, valid_for (subject in HTML) and {', '.join(VALUES)}.",
                    _line_of(error, overrides) or str(overrides / f"{template}.{language}.txt"),
                ) from None

    def _check_file(self, name: str, path: Path) -> None:
        known = {each.name for each in _OURS.iterdir()}
        if name not in known and not path.name.startswith("_"):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else "Name it as in the guide, or begin it with '_'."
            raise Mistake("No letter has this template.", hint, str(path))
        try:
            self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise Mistake(
                f"This template cannot be read: {error.message}.", "Mend the line.", f"{path}:{error.lineno}"
            ) from None
        except (OSError, UnicodeError):
            raise Mistake(
                "This template cannot be read.", "Save it in UTF-8, where Meze may read it.", str(path)
            ) from None


def _line_of(error: Exception, folder: Path) -> str | None:
    """Return the file and line below `folder` that an error came from: Jinja puts them into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename}:{frame.lineno}" for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return lines[-1] if lines else None


def span(minutes: int | None, language: str) -> str | None:
    """Return a length of time in words: in the greatest unit of which it holds two, and 5 % more at most than it is."""
    if minutes is None:
        return None
    unit, words = next((unit, words) for unit, words in _SPANS if minutes >= 2 * unit - 1 or unit == 1)
    count = max(1, int((minutes + unit * 0.05) // unit))
    return words.say(language, {"n": count, "s": "" if count == 1 else "s"})


def known_language(language: str) -> str:
    return language if language in LANGUAGES else LANGUAGES[0]


def _flat(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value
