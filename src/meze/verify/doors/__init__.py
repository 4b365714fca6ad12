"""The doors that `meze verify` goes through: every way to a row, each a row of DOORS.

A door asks as one caller at one resource, and compares what comes with what the judge says of the rows in memory. It
shares no code with what plans and answers requests: what is wrong there must not be taken for right here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meze.verify.doors import (
    aggregating,
    batching,
    changing,
    closing,
    creating,
    crowding,
    cursors,
    deleting,
    document,
    expanding,
    exporting,
    fields,
    filtering,
    get,
    guarding,
    importing,
    keys,
    listing,
    methods,
    names,
    people,
    placing,
    querying,
    referring,
    repeating,
    searching,
    several,
    sorting,
    tags,
)
from meze.verify.knock import Knock

__all__ = ["DOORS", "Door"]


@dataclass(frozen=True, slots=True)
class Door:
    """`phrase` says in a few words what is tried; `knock` tries it for one caller at one resource."""

    name: str
    phrase: str
    knock: Callable[[Knock], None]


_ROWS = (
    Door("get", "one row by its key", get.knock),
    Door("list", "every page of the list", listing.knock),
    Door("count", "the number of rows", listing.count),
    Door("expand", "related rows, nested, and the rest of them", expanding.knock),
    Door("fields", "chosen fields", fields.knock),
    Door("create", "making rows", creating.knock),
    Door("patch", "changing rows, and moving them to other parents", changing.patch),
    Door("put", "replacing rows", changing.put),
    Door("upsert", "putting rows at keys of the client's choice", placing.knock),
    Door("delete", "deleting rows, and what refers to them", deleting.knock),
    Door("refer", "rows that only hidden rows refer to", referring.knock),
    Door("assign", "making rows with columns that are closed", closing.on_create),
    Door("reassign", "changing columns that are closed", closing.on_change),
    Door("keys", "keys and unique values that hidden rows hold", keys.knock),
    Door("create several", "several rows in one request", several.create),
    Door("patch several", "several changes in one request", several.patch),
    Door("delete several", "deleting by a filter", several.delete),
    Door("batch", "operations in one transaction", batching.knock),
    Door("import", "files of rows", importing.knock),
    Door("match", "If-Match", guarding.knock),
    Door("repeat", "requests that are sent twice", repeating.knock),
    Door("crowd", "the rest of long related lists", crowding.knock),
    Door("people", "what is told of users", people.knock),
    Door("names", "names of hidden fields and relations, in every parameter", names.knock),
    Door("ndjson", "the list as NDJSON", exporting.ndjson),
    Door("csv", "the list as CSV", exporting.as_csv),
    Door("search", "full-text search", searching.knock),
    Door("aggregate", "counts, sums and groups", aggregating.knock),
    Door("cursor", "cursors that are forged, taken elsewhere, or another's", cursors.knock),
    Door("not modified", "304, and entity tags of hidden rows", tags.not_modified),
    Door("head", "HEAD beside GET", tags.head),
    Door("tag", "entity tags over what changed, hidden or not", tags.contents),
    Door("options", "OPTIONS and wrong methods", methods.knock),
    Door("document", "hidden fields in the OpenAPI document", document.knock),
    Door("sort", "sorts, walked through cursors", sorting.knock),
    Door("path", "filters through relations", filtering.by_relations),
    Door("filter", "each operator of each field", filtering.by_fields),
    Door("query", "conditions in a body, with or and not", querying.knock),
)

DOORS = {door.name: door for door in _ROWS}
"""Every door by its name, in the order in which they are tried."""
