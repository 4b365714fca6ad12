"""Whether the applications give the same answers and refuse the same requests; nothing is measured before.

An answer is compared by its status and its rows: the envelope of a list is each framework's own. Of a created row the
key is left out, which the database gives.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any

from bench.data import BOOKS, isbn_of_stored, token_of
from bench.own_calls import own_call
from bench.servers import Server
from bench.workload import NEW_ISBN, PREFIX, Call, Workload

SAMPLES = 25
FIRST_ISBN = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What an application said to a call: rows, or the words of an error; `to_refuse` if it should be one."""

    status: int
    rows: Any
    to_refuse: bool = False


def samples(workloads: Iterable[Workload]) -> list[Call]:
    """Return the first calls of R1 to R5, each create with an ISBN of its own."""
    calls = [call for workload in workloads if workload.name != "R6" for call in workload.calls[:SAMPLES]]
    return [
        replace(call, body=call.body.replace(NEW_ISBN, f"979{FIRST_ISBN + number:010d}"))
        for number, call in enumerate(calls)
    ]


def refusals() -> dict[str, Call]:
    """Return calls that every application must refuse, by what is wrong with them."""
    good: dict[str, object] = {
        "title": "T", "isbn": "9790000009999", "genre": "poetry", "pages": 100, "price": "9.99",
        "rating": 4.5, "published": "2001-02-03", "author_id": 1,
    }  # fmt: skip
    wrong: dict[str, dict[str, object]] = {
        "a title of 201 characters": {"title": "T" * 201},
        "an ISBN that another book has": {"isbn": isbn_of_stored(1)},
        "no pages": {"pages": 0},
        "a price with three decimals": {"price": "9.999"},
        "a rating above 5": {"rating": 5.5},
        "a day that is none": {"published": "2001-02-30"},
        "an author that is none": {"author_id": 999_999},
        "pages in words": {"pages": "many"},
    }
    books, token = f"{PREFIX}/books", token_of(1)
    calls = {name: Call("POST", books, token, json.dumps({**good, **part})) for name, part in wrong.items()}
    missing = {name: value for name, value in good.items() if name != "isbn"}
    return calls | {
        "no ISBN": Call("POST", books, token, json.dumps(missing)),
        "nobody creates": Call("POST", books, "", json.dumps(good)),
        "an unknown token creates": Call("POST", books, "reader-0000", json.dumps(good)),
        "nobody patches": Call("PATCH", f"{books}/1", "", '{"price": "1.00"}'),
        "a patch of a book that is none": Call("PATCH", f"{books}/{BOOKS * 9}", token, '{"price": "1.00"}'),
        "a day to filter by that is none": Call("GET", f"{books}?published__lt=soon"),
    }


def ask(server: Server, call: Call, tokens: Mapping[str, str]) -> Answer:
    """Send a call with the application's own token and return the answer."""
    sent = own_call(server.application, call, tokens)
    headers = {"Content-Type": "application/json"} if sent.body else {}
    if sent.token:
        headers["Authorization"] = f"Bearer {sent.token}"
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(sent.method, sent.path, sent.body or None, headers)
        response = connection.getresponse()
        status, text = response.status, response.read()
    finally:
        connection.close()
    if not 200 <= status < 300:
        return Answer(status, text.decode(errors="replace")[:200])
    body = json.loads(text)
    if call.method == "GET" and "?" in call.path:
        return Answer(status, list(map(server.application.row, server.application.rows(body))))
    row = server.application.row(body)
    if call.method == "POST":
        row = {name: value for name, value in row.items() if name != "id"}
    return Answer(status, row)


def interview(server: Server, workloads: Iterable[Workload], tokens: Mapping[str, str]) -> dict[str, Answer]:
    """Ask everything once and return the answers by what was asked."""
    calls = samples(workloads)
    found = {f"{call.method} {call.path} {call.body}": ask(server, call, tokens) for call in calls}
    another = next(call for call in calls if call.method == "PATCH")
    stranger = token_of(1) if another.token != token_of(1) else token_of(2)
    wrong = refusals() | {"a patch of another's book": replace(another, token=stranger)}
    wrong = {name: call for name, call in wrong.items() if name not in server.application.accepts}
    return found | {name: replace(ask(server, call, tokens), to_refuse=True) for name, call in wrong.items()}


def differences(interviews: Mapping[str, Mapping[str, Answer]]) -> list[str]:
    """Return a sentence for each answer that is wrong in itself, or other than the first application's.

    `interviews` is by application. A refusal may have any status from 400 to 499, and any words.
    """
    found: list[str] = []
    (first, expected), *_ = interviews.items()
    for name, answers in interviews.items():
        for asked, answer in answers.items():
            if answer.status not in (range(400, 500) if answer.to_refuse else range(200, 300)):
                found.append(f"{asked}: {name} answers {answer.status} {answer.rows}")
            elif not answer.to_refuse and answer.rows != expected[asked].rows:
                found.append(f"{asked}:\n  {first}: {expected[asked].rows}\n  {name}: {answer.rows}")
    return found
