"""The parameters of requests, as components that operations refer to.

Each operator of each of a resource's own fields is a parameter with a name; all paths across relations are one object.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from meze.openapi import aggregates
from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.files import BOM, FORMAT, ON_CONFLICT
from meze.openapi.names import component
from meze.openapi.relation_paths import RelationPaths
from meze.openapi.values import BOOLEAN, operand
from meze.query.aggregate import FUNCTIONS
from meze.query.condition import CONDITIONS
from meze.query.groups import GROUPS, MEASURES
from meze.query.operators import OPERATORS, Operand, Operator
from meze.query.parse import EXPORT_PARAMETERS, LIST_PARAMETERS, ROWS, SORT_KEYS, Limits
from meze.query.select import EMBEDDED_ROWS
from meze.resources.resource import Field

_NAMES_AT_MOST = 200
_EMBEDDED = int(math.log(ROWS, EMBEDDED_ROWS))
"""How many to-many relations may be embedded in each other before even one row would cost too much."""
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_KEY = r'^(?:[!#-~]{1,255}|"(?:[ !#-\[\]-~]|\\["\\]){1,255}")$'
_TAGS = rf"^(?:\*|{_TAG}(?: *, *{_TAG})*)?$"


@dataclass(slots=True)
class Parameters:
    """Makes the parameters of resources and collects them under `components/parameters`."""

    paths: RelationPaths
    limits: Limits
    components: Json = field(default_factory=dict)

    def everywhere(self) -> list[Json]:
        """Return what every request may carry."""
        languages: Json = {"type": "string"}
        return [
            self._shared(_header("Accept-Language", languages, "The language of `detail` in errors.", "en")),
            self._shared(
                _header("X-Request-ID", {"type": "string"}, "Taken for the answer if it is 1 to 64 of `[A-Za-z0-9-]`.")
            ),
        ]

    def guards(self, seen: Seen) -> list[Json]:
        """Return the header that protects a change from overwriting another."""
        description = "Change the row only if it still has this `ETag`, else 412."
        header = _header("If-Match", {"type": "string", "pattern": _TAGS}, description, '"a1b2"')
        if not seen.resource.require_match:
            return [self._shared(header)]
        return [self._shared({**header, "required": True}, "If-Match.required")]

    def only_new(self, seen: Seen) -> list[Json]:
        """Return the header that keeps a row that is there from being replaced, where clients choose the keys."""
        if not (seen.resource.chosen_key and "create" in seen.actions):
            return []
        description = "`*`: only make a row, else 412. With tags: replace no row that has one of them."
        header = _header("If-None-Match", {"type": "string", "pattern": _TAGS}, description, "*")
        return [self._shared(header, "If-None-Match.new")]

    def retrying(self) -> list[Json]:
        """Return the header that lets a request be sent again."""
        description = (
            "A new key for each new request, such as a UUID, in quotes or without. Of requests that repeat it within "
            "24 hours only the first is done, and all get its answer, with `Idempotency-Replayed: true`. Ignored where "
            "nobody is signed in."
        )
        schema = {"type": "string", "pattern": _KEY}
        return [self._shared(_header("Idempotency-Key", schema, description, "0199c9d2-6c3e-7a51-8c68-1f2f6e0e7f01"))]

    def saving(self) -> list[Json]:
        """Return the header that saves an answer which the client has already."""
        description = "Answer 304 if the row still has this `ETag`."
        schema = {"type": "string", "pattern": _TAGS}
        return [self._shared(_header("If-None-Match", schema, description, '"a1b2"'))]

    def shown(self, seen: Seen) -> list[Json]:
        """Return the parameters that choose what of a row is shown."""
        found = []
        if seen.fields:
            path = self.paths.pattern(seen, lambda at: list(at.fields), many=_EMBEDDED)
            paths = [path, self.paths.beyond(seen)]
            example = [*seen.fields][:2]
            text = "Show only these fields; `__` leads across relations, which are embedded then."
            found.append(self._names(seen, "fields", [*seen.fields], paths, text, example))
        if seen.relations:
            path = self.paths.pattern(seen, lambda _: [], many=_EMBEDDED, at_relations=True)
            paths = [path, self.paths.beyond(seen, "(?:__.+)?")]
            example = [next(iter(seen.relations))]
            text = "Embed related rows: to-one as an object or null, to-many as `{items, next}` with the first 20."
            found.append(self._names(seen, "expand", [*seen.relations], paths, text, example))
        return found

    def listing(self, seen: Seen) -> list[Json]:
        """Return every parameter of a list."""
        found = [*self._search(seen), *self._sort(seen), self._limit(seen)]
        for name, schema, text in (
            ("cursor", {"type": "string", "minLength": 1}, "What `next` carries. Opaque; not together with `page`."),
            (
                "page",
                {"type": "integer", "minimum": 1, "maximum": ROWS},
                f"A page by number; `page` × `limit` to {ROWS}.",
            ),
            ("count", BOOLEAN, "`true` adds `total`, the number of rows on all pages."),
            ("etag", BOOLEAN, "`true` adds `_etag` to each row: its `ETag` without quotes, whatever `fields` show."),
        ):
            found.append(self._shared(_query(name, text, schema=schema)))
        formats: Json = {"type": "string", "enum": ["json", "csv", "ndjson"]}
        found.append(self._shared(_query("format", FORMAT, schema=formats)))
        found.append(self._shared(_query("bom", BOM, schema=BOOLEAN)))
        return [*found, *self.shown(seen), *self._aggregates(seen), *self.filters(seen)]

    def on_conflict(self) -> Json:
        """Return the parameter of a file of rows."""
        return self._shared(_query("on_conflict", ON_CONFLICT, schema={"type": "string", "enum": ["error", "update"]}))

    def filters(self, seen: Seen) -> list[Json]:
        """Return the parameters that choose rows by what is in them."""
        own = [
            self._filter(seen, each, OPERATORS[name])
            for each in seen.askable.values()
            for name in OPERATORS
            if name in each.type.operators
        ]
        return [*own, *self._related(seen)]

    def _search(self, seen: Seen) -> list[Json]:
        searched = [each.name for each in seen.resource.search]
        if not searched or not all(name in seen.askable for name in searched):
            return []
        text = (
            f"All these words, each as the beginning of a word in {_listed(searched)}; "
            "Chinese, Japanese and Korean by character pairs."
        )
        return [self._add(component(seen.resource.name, "q"), _query("q", text, schema={"type": "string"}))]

    def _sort(self, seen: Seen) -> list[Json]:
        own = [name for name, each in seen.askable.items() if each.type.sortable]
        path = self.paths.pattern(
            seen, lambda at: [name for name, each in at.askable.items() if each.type.sortable], many=0
        )
        paths = [each and f"-?(?:{each})" for each in (path, self.paths.beyond(seen))]
        paths.append(aggregates.members())
        text = (
            f"At most {SORT_KEYS} fields, `-` for descending; the key is added last. "
            "What has no value counts as the greatest. With `aggregate`, names of the answer's members."
        )
        signed = [sign + name for name in own for sign in ("", "-")]
        example = [f"-{next((name for name in own if not seen.askable[name].key), own[0])}"] if own else None
        return [self._names(seen, "sort", signed, paths, text, example, most=SORT_KEYS)]

    def _aggregates(self, seen: Seen) -> list[Json]:
        paths = [aggregates.measure_paths(self.paths, seen), self._beyond(seen, "(?:" + "|".join(FUNCTIONS) + "):")]
        text = "Aggregates of the rows instead of the rows: `function:field`, or `count` of the rows themselves."
        own, example = aggregates.measures(seen), aggregates.measure_example(seen)
        found = [self._names(seen, "aggregate", own, paths, text, example, most=MEASURES)]
        own = aggregates.groups(seen)
        paths = [aggregates.group_paths(self.paths, seen), self.paths.beyond(seen)]
        if own or paths[0]:
            text = "With `aggregate`: an element for each of these values. Moments are taken apart in UTC."
            found.append(self._names(seen, "group", own, paths, text, aggregates.group_example(seen), most=GROUPS))
        return found

    def _beyond(self, seen: Seen, before: str) -> str | None:
        found = self.paths.beyond(seen)
        return None if found is None else f"{before}(?:{found})"

    def _limit(self, seen: Seen) -> Json:
        limits = self.limits.of(seen.resource)
        schema = {"type": "integer", "minimum": 1, "maximum": limits.greatest, "default": limits.default}
        parameter = _query("limit", "How many rows at most.", schema=schema)
        if limits == self.limits:
            return self._shared(parameter)
        return self._add(component(seen.resource.name, "limit"), parameter)

    def _filter(self, seen: Seen, each: Field, operator: Operator) -> Json:
        shadowed = operator.name == "eq" and each.name in (*LIST_PARAMETERS, *EXPORT_PARAMETERS)
        name = each.name if operator.name == "eq" and not shadowed else f"{each.name}__{operator.name}"
        parameter = _query(name, _meaning(each, operator), **operand(operator, each.type))
        return self._add(component(seen.resource.name, name), parameter)

    def _related(self, seen: Seen) -> list[Json]:
        patterns = self.paths.filters(seen)
        if not patterns:
            return []
        name = "related"
        while name in seen.fields or name in (*LIST_PARAMETERS, *EXPORT_PARAMETERS):
            name += "_rows"
        text = (
            "Filters across relations, each a parameter of its own in the address: the names of up to four relations, "
            "a field and an operator, joined by `__`. Under one path to many rows they mean one row that fulfils all."
        )
        parameter: Json = _query(
            name,
            f"{text} At most {CONDITIONS} conditions in one request.",
            style="form",
            explode=True,
            schema={"type": "object", "patternProperties": patterns, "additionalProperties": False},
        )
        example = self._related_example(seen)
        return [self._add(component(seen.resource.name, name), parameter | ({"example": example} if example else {}))]

    def _related_example(self, seen: Seen) -> Json | None:
        for name, relation in seen.relations.items():
            for each in self.paths.target(relation).askable.values():
                if "eq" in each.type.operators and each.type.name != "array":
                    return {f"{name}__{each.name}": each.type.example}
        return None

    def _names(
        self,
        seen: Seen,
        name: str,
        own: list[str],
        paths: list[str | None],
        text: str,
        example: list[str] | None,
        *,
        most: int = _NAMES_AT_MOST,
    ) -> Json:
        """Return a parameter that takes names of the resource's own, and paths, with commas between them."""
        kinds: list[Json] = [{"type": "string", "pattern": f"^(?:{each})$"} for each in paths if each is not None]
        if own:
            kinds.insert(0, {"type": "string", "enum": own})
        items = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        schema: Json = {"type": "array", "items": items, "minItems": 1, "maxItems": most}
        if name in ("sort", "aggregate", "group"):
            schema["uniqueItems"] = True
        parameter = _query(name, text, style="form", explode=False, schema=schema)
        if example:
            parameter["example"] = example
        return self._add(component(seen.resource.name, name), parameter)

    def _shared(self, parameter: Json, name: str | None = None) -> Json:
        return self._add(name or parameter["name"], parameter)

    def _add(self, name: str, parameter: Json) -> Json:
        self.components[name] = parameter
        return {"$ref": f"#/components/parameters/{name}"}


def _query(name: str, description: str, **described: Any) -> Json:
    return {"name": name, "in": "query", "description": description, **described}


def _header(name: str, schema: Json, description: str, example: str | None = None) -> Json:
    header: Json = {"name": name, "in": "header", "description": description, "schema": schema}
    return header if example is None else {**header, "example": example}


def _meaning(each: Field, operator: Operator) -> str:
    said = f"`{each.name}` {operator.phrase.en}"
    if operator.operand is Operand.FLAG:
        return f"{said}; `false` for those that have one."
    if operator.operand is Operand.MANY:
        return f"{said} these. A value with a comma stands in quotes." if each.type.name == "text" else f"{said} these."
    return f"{said}: the text given." if operator.prepare else f"{said} the value given."


def _listed(names: list[str], *, quoted: bool = True) -> str:
    shown = [f"`{name}`" for name in names] if quoted else names
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
