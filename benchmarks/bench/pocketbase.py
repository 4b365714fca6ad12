"""PocketBase's own words: its addresses, its rows as they are stored, and its answers as the others would give them.

Its keys are fifteen characters, its days have a time, it has neither NULL nor decimals, and who creates a book names
its owner, whom a rule compares with the caller. Nothing of this is work that the server is spared.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from bench.data import BookRow, Row, UserRow, user_id_of
from bench.workload import PREFIX, Call

RECORDS = "/api/collections/books/records"
OPERATORS = {"genre": "genre =", "published__lt": "published <"}
MIDNIGHT = " 00:00:00.000Z"
KEYS = ("id", "author_id", "owner_id")
ABOUT_THE_ROW = ("collectionId", "collectionName")


def key(number: int) -> str:
    """Return a number as a key of PocketBase's."""
    return f"{number:015d}"


def number(key: str) -> int | str:
    """Return the number again; keys that PocketBase made itself are none."""
    return int(key) if key.isdigit() else key


def stored(row: Row) -> Mapping[str, Any]:
    """Return what its table holds of a row."""
    columns: dict[str, Any] = row._asdict()
    columns |= {name: key(columns[name]) for name in KEYS if name in columns}
    if isinstance(row, BookRow):
        return columns | {"published": row.published + MIDNIGHT, "rating": row.rating or 0}
    if isinstance(row, UserRow):
        moment = "2026-01-01 00:00:00.000Z"
        # No password is this one's hash: the sessions are begun without (apps/pocketbase/sign_in.py).
        account = {"password": "none", "tokenKey": f"{row.id:050d}", "verified": True}
        return columns | account | {"created": moment, "updated": moment}
    return columns


def call(asked: Call) -> Call:
    """Return the call at PocketBase's address and with its body."""
    path, _, query = asked.path.removeprefix(f"{PREFIX}/books").partition("?")
    address = f"{RECORDS}/{key(int(path[1:]))}" if path else RECORDS
    if query:
        address += f"?{urlencode(own_query(dict(parse_qsl(query))))}"
    return replace(asked, path=address, body=asked.body and own_body(asked))


def own_query(query: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a list. Its pages are counted unless one asks otherwise; nobody here counts."""
    conditions = [f'{words} "{query[name]}"' for name, words in OPERATORS.items() if name in query]
    found = {"filter": " && ".join(conditions), "skipTotal": "1"}
    if "sort" in query:
        found["sort"] = f"{query['sort']},{'-' if query['sort'].startswith('-') else ''}id"
    if "limit" in query:
        found["perPage"] = query["limit"]
    if "expand" in query:
        found["expand"] = f"{query['expand']}_id"
    return found


def own_body(asked: Call) -> str:
    """Return the body with its keys as PocketBase has them, and of a new book its owner."""
    body: dict[str, Any] = json.loads(asked.body)
    if asked.method == "POST":
        body["owner_id"] = user_id_of(asked.token) or 1
    return json.dumps({name: key(value) if name in KEYS else value for name, value in body.items()})


def row(answered: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answered row as the others answer it."""
    found = {name: value for name, value in answered.items() if name not in (*ABOUT_THE_ROW, "expand")}
    found |= {name: number(found[name]) for name in KEYS if name in found}
    if "published" in found:
        found["published"] = found["published"].removesuffix(MIDNIGHT)
        found["rating"] = found["rating"] or None
    expanded = answered.get("expand", {})
    return found | ({"author": row(expanded["author_id"])} if expanded else {})
