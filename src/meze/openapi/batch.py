"""`POST /batch`: several operations on resources in one transaction."""

from __future__ import annotations

from meze.openapi.description import Json
from meze.openapi.responses import Problems, headers

OPERATIONS = 100
_JSON = "application/json"
_PROBLEMS = (400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422, 428, 431, 500, 503, 507)
_TAG = '"3f2a9c0d1e4b5a697887a6b5c4d3e2f1"'

_OPERATION: Json = {
    "type": "object",
    "description": "A request to a resource or to one of its rows.",
    "properties": {
        "method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
        "path": {
            "type": "string",
            "pattern": "^/",
            "description": "From the prefix on, with the parameters: `/albums/7?fields=id`.",
        },
        "body": {
            "description": (
                'What such a request carries. `{"$ref": "/0/body/id"}`, anywhere in it, stands for that value of the '
                "result of an earlier operation."
            )
        },
        "headers": {
            "type": "object",
            "properties": {"if-match": {"type": "string", "description": "As the header `If-Match`."}},
        },
    },
    "required": ["method", "path"],
    "additionalProperties": False,
}
_RESULT: Json = {
    "type": "object",
    "properties": {
        "status": {"type": "integer", "minimum": 200, "maximum": 299},
        "body": {"description": "What such a request is answered with; null for none."},
        "etag": {"type": ["string", "null"], "description": "The header `ETag`, with its quotes."},
        "location": {"type": ["string", "null"], "description": "The header `Location`."},
    },
    "required": ["status", "body", "etag", "location"],
    "additionalProperties": False,
}
_SENT: Json = {
    "operations": [
        {"method": "POST", "path": "/trips", "body": {"title": "Two rivers"}},
        {"method": "POST", "path": "/stops", "body": {"trip_id": {"$ref": "/0/body/id"}, "nights": 2}},
    ]
}
_ANSWERED: Json = {
    "results": [
        {"status": 201, "body": {"id": 7, "title": "Two rivers"}, "etag": _TAG, "location": "/api/v1/trips/7"},
        {"status": 201, "body": {"id": 9, "trip_id": 7, "nights": 2}, "etag": _TAG, "location": "/api/v1/stops/9"},
    ]
}


def batch_path(prefix: str, tag: str, everywhere: list[Json], problems: Problems) -> Json:
    """Return the path item of the batch."""
    operations: Json = {"type": "array", "items": _OPERATION, "minItems": 1, "maxItems": OPERATIONS}
    results: Json = {"type": "array", "items": _RESULT, "minItems": 1, "maxItems": OPERATIONS}
    answered = {"schema": _object("results", results), "example": _ANSWERED}
    post: Json = {
        "operationId": "doBatch",
        "summary": "Several operations in one transaction",
        "description": (
            "They are done in their order, each sees what was done before it, and each follows the rules of a request "
            "of its own. If one fails all are undone; the answer is its problem, pointing at `/operations/1/body/text`."
        ),
        "tags": [tag],
        "security": [{}, {"bearer": []}],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": _object("operations", operations), "example": _SENT}},
        },
        "responses": {
            "200": {"description": "What each was answered.", "headers": headers(), "content": {_JSON: answered}},
            **problems.of(_PROBLEMS),
        },
    }
    return {f"{prefix}/batch": {"parameters": everywhere, "post": post}}


def _object(name: str, schema: Json) -> Json:
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}
