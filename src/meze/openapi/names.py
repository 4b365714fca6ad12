"""Names that generated clients show, made from those of resources and models: `listCities`, `getCity`, `CityPage`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from meze.resources.resource import Resource

_IRREGULAR = {
    "analyses": "analysis",
    "children": "child",
    "criteria": "criterion",
    "feet": "foot",
    "geese": "goose",
    "indices": "index",
    "leaves": "leaf",
    "lives": "life",
    "matrices": "matrix",
    "men": "man",
    "mice": "mouse",
    "movies": "movie",
    "people": "person",
    "quizzes": "quiz",
    "shelves": "shelf",
    "shoes": "shoe",
    "teeth": "tooth",
    "women": "woman",
}
_SAME = frozenset({"news", "series", "species"})
_ENDINGS = (
    (r"(ss|us|is)$", r"\1"),
    (r"(.{2})ies$", r"\1y"),
    (r"(ss|sh|ch|x|zz|o)es$", r"\1"),
    (r"([^aeo]us)es$", r"\1"),
    (r"s$", ""),
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
SCHEMAS = ("", "Create", "Update", "Replace", "Page", "Groups", "Query", "Where", "Several", "Change")
"""What follows the singular in the name of each of a resource's schemas."""


@dataclass(frozen=True, slots=True)
class Names:
    """`singular` and `plural` in CamelCase: `City`, `Cities`."""

    singular: str
    plural: str


def singular_of(word: str) -> str:
    """Return the singular of an English word in lower case, and any other word with its last `s` gone."""
    if word in _IRREGULAR or word in _SAME:
        return _IRREGULAR.get(word, word)
    for ending, instead in _ENDINGS:
        if re.search(ending, word):
            return re.sub(ending, instead, word)
    return word


def names_of(resources: Iterable[Resource], taken: Iterable[str] = ()) -> dict[str, Names]:
    """Return the names of each resource by its own, no two alike; `taken` are schemas that exist already."""
    singulars, plurals, found = set(taken), set[str](), {}
    for resource in resources:
        words = _words(resource.name)
        plural = _free(_camel(words), plurals, ("",))
        singular = _free(_singular(resource, words), singulars, SCHEMAS)
        plurals.add(plural)
        singulars.update(singular + each for each in SCHEMAS)
        found[resource.name] = Names(singular, plural)
    return found


def component(*pieces: str) -> str:
    """Return the key of a component (letters, digits, `.`, `-`, `_`), with other letters written by their number."""
    return ".".join(re.sub(r"[^A-Za-z0-9._-]", lambda found: f"-{ord(found[0]):x}", piece) for piece in pieces)


def _singular(resource: Resource, words: list[str]) -> str:
    """Return the model's name where the resource's is its plural, which English rules alone cannot always tell."""
    model, name = resource.model.__name__, "".join(words)
    stem = model.lower()
    if name in (stem, f"{stem}s", f"{stem}es", f"{stem[:-1]}ies", f"{stem[:-1]}ves", f"{stem[:-2]}ves"):
        return model[:1].upper() + model[1:]
    return _camel([*words[:-1], singular_of(words[-1])])


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(component(name))] or ["resource"]


def _camel(words: Iterable[str]) -> str:
    return "".join(word[:1].upper() + word[1:] for word in words)


def _free(name: str, taken: set[str], suffixes: Iterable[str]) -> str:
    """Return `name`, with a number behind it where it would be met twice."""
    number, candidate = 1, name
    while any(candidate + each in taken for each in suffixes):
        number += 1
        candidate = f"{name}{number}"
    return candidate
