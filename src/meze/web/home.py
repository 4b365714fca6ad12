"""What the start page tells of an application, with examples that are answered by the app itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import msgspec

from meze.access.caller import NOBODY
from meze.access.policy import Policy
from meze.access.rule import EVERYBODY
from meze.errors import Text
from meze.resources.registry import Registry
from meze.web.messages import Request, Response
from meze.web.pages import Credit, Example, Home, ResourceLink


@dataclass(frozen=True, slots=True)
class About:
    """What the start page and the API reference say of an application.

    `examples` are requests to try, each with what it shows; `resources` says what each resource is, by name.
    """

    title: str
    description: str | Text = ""
    version: str = "1"
    examples: Sequence[tuple[str | Text, str]] = ()
    resources: Mapping[str, str | Text] = field(default_factory=dict)
    credits: Sequence[Credit] = ()


class Answers(Protocol):
    """Something that answers requests: the site."""

    def answer(self, request: Request) -> Response: ...


def home_of(about: About, site: Answers, resources: Registry, policy: Policy, prefix: str) -> Home:
    """Return the facts of the start page, as anyone may see them."""
    nobody = policy.standing(NOBODY)
    links = tuple(
        ResourceLink(
            name=resource.name,
            url=f"{prefix}/{resource.name}",
            summary=about.resources.get(resource.name, ""),
            open_to_everyone=policy.rule(resource, "read", nobody) == EVERYBODY,
        )
        for resource in resources.served
    )
    written = about.examples or [
        (Text(f"The first rows of {link.name}.", f"{link.name} 的前几行。"), f"{link.url}?limit=2")
        for link in links
        if link.open_to_everyone
    ]
    return Home(
        title=about.title,
        version=about.version,
        meze_version=version("meze"),
        description=about.description,
        resources=links,
        examples=tuple(_answered(says, url, site) for says, url in written[:3]),
        credits=tuple(about.credits),
    )


def _answered(says: str | Text, url: str, site: Answers) -> Example:
    """Return the example with the answer that this server gives to it now, to somebody who is not signed in."""
    parts = urlsplit(url)
    request = Request("GET", parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True)), {"host": "localhost"})
    response = site.answer(request)
    answer: Any = msgspec.json.decode(response.body) if response.body else None
    return Example(says, url, response.status, answer)
