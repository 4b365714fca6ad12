"""Fill a page's template: the one place where Jinja is set up, with escaping always on."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .assets import asset_url
from .markup import sentence_html
from .phrases import LANGUAGE_TAGS, phrases_in


def fill(template: str, language: str, values: dict[str, Any]) -> bytes:
    """Return the page in UTF-8. A name that the template uses and nobody gave is an error, not an empty place."""
    page = _environment().get_template(template)
    return page.render(
        say=phrases_in(language), lang=LANGUAGE_TAGS.get(language, LANGUAGE_TAGS["en"]), **values
    ).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sentence"] = sentence_html
    environment.globals["asset_url"] = asset_url
    return environment
