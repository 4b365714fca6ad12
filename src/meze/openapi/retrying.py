"""What requests that may be sent again carry, and what their answers do: the same for whatever may change something."""

from __future__ import annotations

from meze.openapi.description import Json
from meze.openapi.parameters import Parameters

CHANGING = ("post", "put", "patch", "delete")
REPLAYED = "Idempotency-Replayed"


def with_keys(items: Json, parameters: Parameters) -> Json:
    """Return path items whose operations take an Idempotency-Key, save those that only read by POST."""
    return {address: item if address.endswith("/query") else _item(item, parameters) for address, item in items.items()}


def _item(item: Json, parameters: Parameters) -> Json:
    return {name: _operation(each, parameters) if name in CHANGING else each for name, each in item.items()}


def _operation(operation: Json, parameters: Parameters) -> Json:
    return {
        **operation,
        "parameters": [*parameters.retrying(), *operation.get("parameters", [])],
        "responses": {status: _response(each) for status, each in operation["responses"].items()},
    }


def _response(response: Json) -> Json:
    if "headers" not in response:  # a problem, which many operations share
        return response
    replayed = {REPLAYED: {"$ref": f"#/components/headers/{REPLAYED}"}}
    return {**response, "headers": {**response["headers"], **replayed}}
