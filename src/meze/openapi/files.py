"""Lists as files, and files as rows, as the document describes them: CSV and NDJSON with an example of each."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.resources.resource import Field

CSV, NDJSON = "text/csv", "application/x-ndjson"
FORMAT = "`csv` or `ndjson`: every row as a file, instead of a page; then without `limit`, `page`, `cursor`, `count`."
BOM = "`true` begins a CSV file with a byte order mark, by which Excel knows UTF-8."
ON_CONFLICT = "Of a file: what is done with a row whose key exists. `update` changes it by what the file says."
IMPORTED: Json = {
    "type": "object",
    "description": "Of a file: how many of its rows were made and how many changed.",
    "properties": {"created": {"type": "integer", "minimum": 0}, "updated": {"type": "integer", "minimum": 0}},
    "required": ["created", "updated"],
    "additionalProperties": False,
}


def exported(seen: Seen) -> Json:
    """Return the media types of a list that is answered as a file."""
    return _types(list(seen.fields.values()))


def imported(fields: list[Field]) -> Json:
    """Return the media types of a file whose rows are made, with the fields that a client may set."""
    return _types(fields)


def _types(fields: list[Field]) -> Json:
    examples = {each.name: each.type.example for each in fields}
    line = json.dumps(examples, ensure_ascii=False, separators=(",", ":"))
    text: Json = {"type": "string"}
    return {
        CSV: {"schema": text, "example": _csv(examples)},
        NDJSON: {"schema": text, "example": f"{line}\n"},
    }


def _csv(examples: dict[str, Any]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(examples)
    writer.writerow(
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in examples.values()
    )
    return text.getvalue()
