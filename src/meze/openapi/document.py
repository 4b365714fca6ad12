"""Join the parts into one document. The same program gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from meze.access.policy import Policy
from meze.openapi import responses
from meze.openapi.accounts import COOKIE, TAGS, AccountPaths, with_cookie
from meze.openapi.accounts import schemas as account_schemas
from meze.openapi.audience import Seen, everything_seen
from meze.openapi.batch import batch_path
from meze.openapi.description import Description, Json, english
from meze.openapi.fixed import fixed_paths
from meze.openapi.names import names_of
from meze.openapi.operations import Operations
from meze.openapi.parameters import Parameters
from meze.openapi.relation_paths import RelationPaths
from meze.openapi.responses import Problems
from meze.openapi.retrying import with_keys
from meze.openapi.schemas import Schemas
from meze.resources.registry import Registry

_FIXED_TAG = "server"
_CONVENTIONS = """\
Lists are filtered by `field=value` and `field__operator=value`, across relations by `relation__field=value`; sorted \
by `sort=-field,field`; and read on by following `next`. `fields` narrows what is shown, `expand` embeds related rows. \
What an address cannot say, AND, OR and NOT, stands in the body of `QUERY`, or of `POST` to the collection's `query`.

Integers are JSON numbers of up to 64 bits, decimals are strings, moments are RFC 3339 in UTC. Errors are \
`application/problem+json`: programs read `code` and `errors`, people `detail`. What you may not read, you may not ask \
about: a hidden row is answered as a missing one, a hidden field as one that does not exist."""


def document(resources: Registry, policy: Policy, description: Description) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document: what some caller may read or do, and nothing that nobody may."""
    seen = everything_seen(resources, policy)
    shared = {**responses.SCHEMAS, **(account_schemas() if description.accounts else {})}
    names = names_of((each.resource for each in seen.values()), shared)
    paths = RelationPaths(resources, seen)
    parameters, schemas, problems = Parameters(paths, description.limits), Schemas(paths, names), Problems()
    operations = Operations(parameters, schemas, problems)
    items: Json = {}
    served = [each for each in seen.values() if each.resource.served]
    for each in served:
        name = each.resource.name
        address = f"{description.prefix}/{quote(name)}"
        items[address] = operations.collection(each, names[name], name)
        items[f"{address}/query"] = operations.query(each, names[name], name)
        items[f"{address}/{{key}}"] = operations.row(each, names[name], name)
    items = with_keys(items, parameters)
    if description.accounts:
        items |= AccountPaths(description.prefix, operations, seen, names).items()
        items = with_cookie(items)
    tag = _free_tag(seen)
    items |= with_keys(batch_path(description.prefix, tag, parameters.everywhere(), problems), parameters)
    items |= fixed_paths(description.prefix, tag, problems)
    return {
        "openapi": "3.1.0",
        "info": {"title": description.title, "version": description.version, "description": _introduction(description)},
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [
            *(_tag(each, description.resources) for each in served),
            *(TAGS if description.accounts else ()),
            {"name": tag, "description": "The addresses that every server has."},
        ],
        "paths": {address: item for address, item in items.items() if item},
        "components": {
            "schemas": {**dict(sorted(schemas.components.items())), **shared},
            "parameters": dict(sorted(parameters.components.items())),
            "headers": responses.HEADERS,
            "responses": dict(sorted(problems.components.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
                **({"cookie": COOKIE} if description.accounts else {}),
            },
        },
    }


def _introduction(description: Description) -> str:
    said = [english(description.description), _CONVENTIONS]
    if description.credits:
        credits = "\n".join(f"- [{english(text)}]({url})" for text, url in description.credits)
        said.append(f"With thanks to:\n\n{credits}")
    return "\n\n".join(each for each in said if each)


def _tag(seen: Seen, described: Mapping[str, Any]) -> Json:
    said = described.get(seen.resource.name)
    return {"name": seen.resource.name, **({"description": english(said)} if said else {})}


def _free_tag(seen: Mapping[str, Seen]) -> str:
    """Return a tag for the fixed addresses that no resource is named like."""
    tag = _FIXED_TAG
    while tag in seen:
        tag += "-"
    return tag
