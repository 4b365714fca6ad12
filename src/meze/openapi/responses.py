"""The answers that are no success, made from the errors themselves, and the headers that answers carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from meze.errors import (
    ENTRY_TEXTS,
    Entry,
    HeadersTooLarge,
    Invalid,
    NotAcceptable,
    PreconditionRequired,
    Problem,
    SecondFactorRequired,
    Text,
    TooLarge,
    TooManyRequests,
    UnknownField,
    UnsupportedMediaType,
    UriTooLong,
    problems,
)
from meze.openapi.description import Json
from meze.query.parse import LIST_PARAMETERS, unknown_parameter
from meze.query.values import bad_value

PROBLEM_TYPE = "application/problem+json"
_REQUEST_ID = "01JB9Z7Q4M8T3W5X6Y7Z8A9B0C"
_NAMED_FIELD = {"name": "titel", "resource": "trips"}
_TAG = '"[0-9a-f]{32}(?:\\.[0-9a-f]{32})?"'

_EXAMPLES: tuple[Problem, ...] = (
    unknown_parameter("limt", LIST_PARAMETERS),
    UnknownField(
        params=_NAMED_FIELD, entries=[Entry("unknown", parameter="titel", params=_NAMED_FIELD, text=UnknownField.text)]
    ),
    bad_value("limit", Text("At most {max}.", "不能大于 {max}。"), "too_big", max=100),
    NotAcceptable(params={"offered": "application/json"}),
    UnsupportedMediaType(params={"accepted": "application/json"}),
    PreconditionRequired(entries=[Entry("required", header="If-Match")]),
    TooLarge(params={"max": 2097152}),
    UriTooLong(params={"max": 16384}),
    HeadersTooLarge(params={"max": 32768}),
    Invalid([Entry("required", pointer="/title"), Entry("too_big", pointer="/nights", params={"max": 365})]),
    SecondFactorRequired(members={"mfa_token": "meze_mfa_…"}),
    TooManyRequests(retry_after_seconds=30),
)
"""Errors that say something of the request; the others are always the same."""

PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "A page that says what it means and what to do.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "For programs; it never changes its meaning."},
        "detail": {"type": "string", "description": "For people, in the language of `Accept-Language`."},
        "request_id": {"type": "string", "description": "The same as in `X-Request-ID`; it leads to the log."},
        "errors_total": {
            "type": "integer",
            "minimum": 1,
            "description": "How many faults there are; at most 100 are listed.",
        },
        "mfa_token": {"type": "string", "description": "With `second_factor_required`: to be sent with a code."},
        "at": {
            "type": "string",
            "description": "Of several rows or operations: a JSON pointer to the one that could not be done.",
        },
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/ProblemEntry"},
            "minItems": 1,
            "maxItems": 100,
        },
    },
    "required": ["type", "title", "status", "code", "detail", "request_id"],
}
ENTRY: Json = {
    "type": "object",
    "description": "One fault, with its place.",
    "properties": {
        "pointer": {"type": "string", "description": "A JSON pointer into the body."},
        "parameter": {"type": "string", "description": "The name of a query parameter."},
        "header": {"type": "string", "description": "The name of a header."},
        "code": {"type": "string", "enum": list(ENTRY_TEXTS)},
        "params": {"type": "object", "description": "The limits that `detail` names."},
        "detail": {"type": "string"},
    },
    "required": ["code", "detail"],
    "oneOf": [{"required": ["pointer"]}, {"required": ["parameter"]}, {"required": ["header"]}],
    "additionalProperties": False,
}
SCHEMAS: Json = {"Problem": PROBLEM, "ProblemEntry": ENTRY}

HEADERS: Json = {
    "X-Request-ID": {
        "description": "The request's own, or one that was made.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
    },
    "Content-Language": {
        "description": "The language of `title` and `detail`.",
        "required": True,
        "schema": {"type": "string", "enum": ["en", "zh"]},
    },
    "ETag": {
        "description": "Stands for all that this caller may read of the row.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{_TAG}$"},
    },
    "ETag.readable": {
        "description": "Stands for all that this caller may read of the row; absent where that is nothing.",
        "schema": {"type": "string", "pattern": f"^{_TAG}$"},
    },
    "Location": {
        "description": "The address of the new row.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Location.one": {
        "description": "The address of the new row; absent where several were made or none was.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {
        "description": "How to sign in.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer"},
    },
    "Set-Cookie": {
        "description": "With `session=cookie`: the session's cookie, and beside it the CSRF token's.",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true` where the answer is that of the first request with this `Idempotency-Key`.",
        "schema": {"type": "string", "const": "true"},
    },
    "Accept-Patch": {"description": "On PATCH: the types that it takes.", "schema": {"type": "string"}},
}
_WITH = {401: "WWW-Authenticate", 415: "Accept-Patch", 429: "Retry-After", 503: "Retry-After"}


@dataclass(slots=True)
class Problems:
    """Makes the responses of errors and collects them under `components/responses`."""

    components: Json = field(default_factory=dict)

    def of(self, statuses: Iterable[int]) -> Json:
        """Return the responses of an operation that may end with these statuses."""
        return {str(status): self._response(status) for status in statuses}

    def only(self, code: str) -> Json:
        """Return the response of the one error that its status can be here."""
        kinds = [kind for kind in problems() if kind.code == code]
        return {str(kinds[0].status): self._add("".join(word.title() for word in code.split("_")), kinds[:1])}

    def _response(self, status: int) -> Json:
        kinds = {kind.code: kind for kind in problems() if kind.status == status}
        return self._add(f"Problem{status}", list(kinds.values()))

    def _add(self, name: str, kinds: list[type[Problem]]) -> Json:
        if name not in self.components:
            self.components[name] = _described(kinds)
        return {"$ref": f"#/components/responses/{name}"}


def headers(*names: str) -> Json:
    """Return references to the headers of an answer; one behind a dot is a variant of the header before it."""
    wanted = ("X-Request-ID", *names)
    return {name.partition(".")[0]: {"$ref": f"#/components/headers/{name}"} for name in wanted}


def _described(kinds: list[type[Problem]]) -> Json:
    status = kinds[0].status
    narrowed = {"status": {"const": status}, "code": {"enum": [kind.code for kind in kinds]}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": narrowed}]}
    return {
        "description": "\n".join(f"- `{kind.code}`: {kind.title.en}. {kind.remedy.en}" for kind in kinds),
        "headers": headers("Content-Language", *([_WITH[status]] if status in _WITH else [])),
        "content": {PROBLEM_TYPE: {"schema": schema, "examples": {kind.code: _example(kind) for kind in kinds}}},
    }


def _example(kind: type[Problem]) -> Json:
    given = next((example for example in _EXAMPLES if example.code == kind.code), None)
    return {"value": (given or kind()).as_json("en", _REQUEST_ID)}
