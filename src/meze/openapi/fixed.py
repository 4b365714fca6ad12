"""The addresses that every server has beside its resources."""

from __future__ import annotations

from meze.errors import problems
from meze.openapi.description import Json
from meze.openapi.responses import Problems, headers

_JSON = "application/json"
_HTML = "text/html"
_OBJECT: Json = {"type": "object"}
_PAGE: Json = {"type": "string"}
_PROBLEMS = (400, 401, 414, 431, 500)


def fixed_paths(prefix: str, tag: str, made: Problems) -> Json:
    """Return the path items of the fixed addresses."""

    def page(operation_id: str, summary: str, content: Json, *statuses: int, named: tuple[str, ...] = ()) -> Json:
        ok = {
            "description": summary,
            "headers": headers(*named),
            "content": {t: {"schema": s} for t, s in content.items()},
        }
        return {
            "get": {
                "operationId": operation_id,
                "summary": summary,
                "tags": [tag],
                "security": [{}],
                "responses": {"200": ok, **made.of(sorted({*_PROBLEMS, *statuses}))},
            }
        }

    both = {_JSON: _OBJECT, _HTML: _PAGE}
    health: Json = {_JSON: {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}}
    codes = list(dict.fromkeys(kind.code for kind in problems()))
    error = page("explainError", "What an error means and what to do", both, 404, 406, named=("Content-Language",))
    code = {"name": "code", "in": "path", "required": True, "schema": {"type": "string", "enum": codes}}
    home = ("What is here", both, 406)
    return {
        "/": page("showHome", *home, named=("Content-Language",)),
        prefix: page("showPrefix", *home, named=("Content-Language",)),
        "/docs": page("showDocs", "The API reference", {_HTML: _PAGE}, 404, 406, named=("Content-Language",)),
        "/openapi.json": page("showOpenapi", "This document", {_JSON: _OBJECT}, 404, 406),
        "/errors/{code}": {"parameters": [code], **error},
        "/health/live": page("checkLive", "Whether the process runs", health),
        "/health/ready": page("checkReady", "Whether the process can serve", health),
    }
