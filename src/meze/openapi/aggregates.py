"""Aggregates as the document tells them: what may be asked, each choice by its name, and what the answer holds."""

from __future__ import annotations

import json
from collections.abc import Iterator

from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.relation_paths import Leaves, RelationPaths
from meze.openapi.values import answered, nullable
from meze.query.aggregate import COUNTED, FUNCTIONS, PARTS, Function, groupable
from meze.resources.resource import Field

_ANYTHING: Json = {"type": ["string", "number", "boolean", "null"], "description": "What lies across relations."}


def measures(seen: Seen) -> list[str]:
    """Return every aggregate of the resource's own fields, as it is asked for."""
    own = [
        f"{function.name}:{name}"
        for function in FUNCTIONS.values()
        for name, each in seen.askable.items()
        if function.takes(each.type)
    ]
    return ["count", *own]


def measure_example(seen: Seen) -> list[str]:
    summed = next(
        (name for name, each in seen.askable.items() if each.type.sums and not each.key and each.foreign is None), None
    )
    return ["count", f"sum:{summed}"] if summed else ["count"]


def groups(seen: Seen) -> list[str]:
    """Return every group that the resource's own fields can make, as it is asked for."""
    return [name for field_name, each in seen.askable.items() for name in _groups_of(field_name, each)]


def group_example(seen: Seen) -> list[str] | None:
    kinds = ("boolean", "enum", "text")
    chosen = [name for name, each in seen.askable.items() if each.foreign is not None]
    chosen += [name for name, each in seen.askable.items() if each.type.name in kinds and not each.key]
    return chosen[:1] or groups(seen)[:1] or None


def measure_paths(paths: RelationPaths, seen: Seen) -> str | None:
    """Return the pattern of aggregates across to-one relations, or None where there are none."""
    kinds: dict[str, list[Function]] = {}
    for function in FUNCTIONS.values():
        found = paths.pattern(seen, _taking(function), many=0)
        if found is not None:
            kinds.setdefault(found, []).append(function)
    patterns = [f"(?:{'|'.join(each.name for each in same)}):(?:{found})" for found, same in kinds.items()]
    return "|".join(patterns) or None


def group_paths(paths: RelationPaths, seen: Seen) -> str | None:
    """Return the pattern of groups across to-one relations, or None where there are none."""
    return paths.pattern(seen, groups, many=0)


def members() -> str:
    """Return the pattern of what an answer may be sorted by: its members, save the fields that rows are sorted by."""
    functions = "|".join(FUNCTIONS)
    return f"-?(?:count|(?:{functions})_.+|.+__(?:{'|'.join(PARTS)}))"


def page(seen: Seen) -> Json:
    """Return the schema of the answer."""
    element: Json = {
        "type": "object",
        "description": "The members that were asked for: the groups by their names, then the aggregates.",
        "properties": {
            name: schema for field_name, each in seen.askable.items() for name, schema in _shown(field_name, each)
        },
        "patternProperties": _patterns(seen),
        "additionalProperties": _ANYTHING,
    }
    following = {
        "type": ["string", "null"],
        "format": "uri-reference",
        "description": "The address of the next page; null on the last.",
    }
    return {
        "type": "object",
        "description": "Aggregates of rows, only with `aggregate`; without `group` one element.",
        "properties": {"groups": {"type": "array", "items": element}, "next": following},
        "required": ["groups", "next"],
        "additionalProperties": False,
        "examples": [{"groups": [{"count": 42}], "next": None}],
    }


def _taking(function: Function) -> Leaves:
    return lambda seen: [name for name, each in seen.askable.items() if function.takes(each.type)]


def _groups_of(name: str, each: Field) -> Iterator[str]:
    if groupable(each.type):
        yield name
    yield from (f"{name}__{part}" for part in each.type.parts)


def _shown(name: str, each: Field) -> Iterator[tuple[str, Json]]:
    if groupable(each.type):
        yield name, answered(each)
    for part in each.type.parts:
        schema = dict(PARTS[part].answered.schema)
        yield f"{name}__{part}", nullable(schema) if each.nullable else schema


def _patterns(seen: Seen) -> Json:
    """Return the schemas of aggregates by the patterns of their names, those with the same schema as one."""
    named: dict[str, list[str]] = {} if "count" in seen.askable else {json.dumps(COUNTED.schema): ["count"]}
    for function in FUNCTIONS.values():
        for name, each in seen.askable.items():
            member = f"{function.name}_{name}"
            if function.takes(each.type) and member not in seen.askable:
                schema = function.answered(each.type, member).schema
                shown = nullable(schema) if function.nullable else dict(schema)
                named.setdefault(json.dumps(shown), []).append(member)
    return {f"^(?:{'|'.join(names)})$": json.loads(schema) for schema, names in named.items()}
