"""What an OpenAPI document of ours promises, as checks of schemathesis, which is loaded with this.

To import this is to add the checks and the serializer of files to those that schemathesis has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response, SerializationContext
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

_OF_ACCOUNTS = {"auth", "users"}
FILES = ("text/csv", "application/x-ndjson")
METHODS = {"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"}
BEYOND_SCHEMAS = {
    *("cursor", "page", "fields", "sort", "expand"),
    *("aggregate", "group", "count", "etag"),
    *("format", "bom", "on_conflict"),
    *("If-Match", "If-None-Match"),
}
"""Parameters whose meaning hangs on more than their form: on the caller, the row, another parameter or answer."""
Check = Callable[[CheckContext, Response, Case[Any]], bool | None]

_CONFIG = {
    "checks": {
        # What no schema can say is told apart below, by `refused_only_for_what_no_schema_says`.
        "positive_data_acceptance": {
            "expected-statuses": ["2xx", "304", "400", "401", "403", "404", "409", "412", "422", "428"]
        },
        # A precondition that does not hold is told before the body is looked at.
        "negative_data_rejection": {
            "expected-statuses": ["400", "401", "403", "404", "405", "406", "409", "412", "415", "422", "428"]
        },
        "missing_required_header": {"expected-statuses": ["400", "401", "403", "404", "415", "422", "428"]},
    }
}


def configuration() -> SchemathesisConfig:
    """Return which statuses are due to requests that fit the document, and to others."""
    return SchemathesisConfig.from_dict(_CONFIG)


@schemathesis.serializer("application/x-ndjson", "text/csv")
def file(_: SerializationContext, value: Any) -> bytes:
    """Send a text as the file that it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.check
def refused_only_for_what_no_schema_says(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """A request that fits the document may be refused for its place among the rows, never for its form."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    if case.media_type in FILES or "format" in (case.query or {}):
        # No schema says what a file must hold, nor which parameters an export does without.
        return
    problem = _object_of(response)
    if problem.get("code") == "too_expensive" or case.path.endswith("/batch"):
        # What an operation of a batch may say depends on its path.
        return
    if not _OF_ACCOUNTS.isdisjoint(case.path.split("/")):
        # Roles, codes and passwords are good or not for what the accounts hold.
        return
    if case.method == "DELETE" and not case.query:
        # That one of many filters is needed cannot be said of parameters.
        return
    for entry in problem.get("errors", ()):
        parameter = entry.get("parameter", entry.get("header"))
        fits = (
            parameter in BEYOND_SCHEMAS
            or (parameter is not None and "__" in parameter)
            or entry["code"] in ("no_such_row", "closed", "already_exists")
            or entry.get("pointer", "/")[1:] in {"", *BEYOND_SCHEMAS}
            # Of a whole row of an array, as of a whole body, a constraint may be all that is known.
            or entry.get("pointer", "/")[1:].isdigit()
        )
        assert fits, f"A request that fits the document is refused for its form: {entry}"


@schemathesis.check
def allows_what_is_documented(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """`Allow` names what the document has, and QUERY. `/labels/query` is also the row whose key is `query`."""
    allow = response.headers.get("allow")
    if response.request.method != "OPTIONS" or not allow or case.path.endswith("/query"):
        return
    aside = {"HEAD", "OPTIONS", "QUERY"}
    documented = {method.upper() for method in case.operation.schema[case.operation.path]} & METHODS
    allowed = {method.strip() for method in ", ".join(allow).split(",")}
    assert allowed - aside == documented - aside, f"Allow names {sorted(allowed)}, the document {sorted(documented)}"


@schemathesis.check
def told_as_a_problem(_: CheckContext, response: Response, __: Case[Any]) -> None:
    """What is refused is an `application/problem+json` that says the status of its answer, and a code."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    said = ", ".join(response.headers.get("content-type", [])).partition(";")[0]
    assert said == "application/problem+json", f"A refusal has the type {said or 'of nothing'}"
    problem = _object_of(response)
    assert problem.get("status") == response.status_code, f"A refusal says that its status is {problem.get('status')}"
    assert isinstance(problem.get("code"), str), "A refusal has no code"


CHECKS: list[Check] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    told_as_a_problem,
    negative_data_rejection,
    positive_data_acceptance,
    missing_required_header,
    refused_only_for_what_no_schema_says,
    allows_what_is_documented,
]
"""What each answer is held to where no request is sent beside it."""


def not_of(case: Case[Any]) -> Sequence[Check]:
    """Return the checks of schemathesis that say nothing of this request."""
    unseen: list[Check] = [negative_data_rejection] if _looks_right_on_the_wire(case) else []
    # OpenAPI 3.1 has no word for QUERY; `allows_what_is_documented` looks at Allow in its place.
    unseen.append(allow_header_conformance)
    if case.method.upper() == "QUERY" or case.path.endswith("/query"):
        unseen.append(unsupported_method)
    return unseen


def _object_of(response: Response) -> dict[str, Any]:
    """Return the object that an answer is; an empty one where it is something else."""
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _looks_right_on_the_wire(case: Case[Any]) -> bool:
    """Say whether what is wrong with a case cannot be seen: one value where a list is asked for is a list of one."""
    return any(name.endswith("in") and not isinstance(value, list) for name, value in (case.query or {}).items())
