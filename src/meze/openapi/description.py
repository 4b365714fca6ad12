"""What a program says of itself, as the document repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from meze.errors import Text
from meze.query.parse import Limits

Json: TypeAlias = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the program says of itself, and the settings that the document names.

    `accounts` says whether people sign in to accounts of Meze's, rather than of the program's own.
    """

    title: str
    version: str
    prefix: str
    limits: Limits
    description: str | Text = ""
    credits: tuple[tuple[str | Text, str], ...] = ()
    resources: Mapping[str, str | Text] = field(default_factory=dict)
    accounts: bool = False


def english(said: str | Text) -> str:
    """Return a text in the language of the document."""
    return said.en if isinstance(said, Text) else said
