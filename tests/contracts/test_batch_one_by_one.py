"""A random batch equals its operations one by one on both databases, answers and rows alike, or does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st
from sqlalchemy import text

from contracts.oracle import Declared, Oracle
from contracts.profiles import tries
from contracts.rules import Data
from contracts.schema import SERVED
from contracts.strategies import Write, datasets, declarations, writes
from contracts.world import FIRST_MADE, PEOPLE, Answer, Served, World, written


@dataclass(frozen=True)
class Step:
    """A write, and what is read behind it: `read` is "row", "list" or nothing."""

    write: Write
    read: str


def steps() -> st.SearchStrategy[list[Step]]:
    one = st.builds(Step, writes(), st.sampled_from(("", "row", "list")))
    return st.lists(one, min_size=1, max_size=6)


def operations_of(several: list[Step], oracle: Oracle) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for each in several:
        write = each.write
        path = f"/{write.table}" + ("" if write.method == "POST" else f"/{write.id}")
        operation: dict[str, Any] = {"method": write.method, "path": path}
        if write.method != "DELETE":
            operation["body"] = {name: written(value) for name, value in write.sent(oracle).items()}
        found.append(operation)
        if each.read == "row":
            found.append({"method": "GET", "path": f"/{write.table}/{write.id}"})
        if each.read == "list":
            found.append({"method": "GET", "path": f"/{write.table}?count=true&etag=true&limit=100"})
    return found


def begin(world: World, data: Data) -> None:
    """Fill the tables, and let the next rows get the same numbers each time."""
    world.fill(data)
    with world.engine.begin() as connection:
        for name in SERVED:
            if world.engine.dialect.name == "postgresql":
                connection.execute(text(f"ALTER SEQUENCE {name}_id_seq RESTART WITH {FIRST_MADE}"))
            else:
                connection.execute(text(f"UPDATE sqlite_sequence SET seq = {FIRST_MADE - 1} WHERE name = '{name}'"))


def one_by_one(served: Served, who: str, operations: list[dict[str, Any]]) -> list[Answer]:
    """Do operations until one is refused, and return all answers."""
    answers: list[Answer] = []
    for each in operations:
        answers.append(served.ask(who, each["method"], each["path"].removeprefix("/"), each.get("body")))
        if answers[-1].status >= 400:
            break
    return answers


def result(answer: Answer) -> dict[str, Any]:
    headers = answer.headers
    return {
        "status": answer.status,
        "body": answer.body,
        "etag": headers.get("ETag"),
        "location": headers.get("Location"),
    }


def moved(entry: dict[str, Any], at: int) -> dict[str, Any]:
    """Return an entry of a problem as the batch tells it."""
    where = f"/body{entry['pointer']}" if "pointer" in entry else "/path"
    return {**{k: v for k, v in entry.items() if k != "parameter"}, "pointer": f"/operations/{at}{where}"}


@tries(60)
@given(declarations(closed=1, changing=5), datasets(least=2, most=4), st.sampled_from(list(PEOPLE)), steps())
def test_a_batch_is_its_operations_one_by_one_or_nothing(
    world: World, declared: dict[str, Declared], data: Data, who: str, several: list[Step]
) -> None:
    served = world.serve(declared)
    operations = operations_of(several, Oracle(data, declared, PEOPLE[who]))
    note(f"{who}: {operations}")
    begin(world, data)
    before = world.stored()
    answers = one_by_one(served, who, operations)
    after = world.stored()

    begin(world, data)
    got = served.ask(who, "POST", "batch", {"operations": operations})

    if answers[-1].status < 400:
        assert got.status == 200, got
        assert got.body == {"results": [result(each) for each in answers]}
        assert world.stored() == after
        return
    failed, at = answers[-1], len(answers) - 1
    assert (got.status, got.code) == (failed.status, failed.code), got
    assert got.body["at"] == f"/operations/{at}"
    assert got.body.get("errors") == (
        [moved(e, at) for e in failed.body["errors"]] if "errors" in failed.body else None
    )
    assert got.headers.get("WWW-Authenticate") == failed.headers.get("WWW-Authenticate")
    assert world.stored() == before
