"""What each kind of caller writes, under random rules over random rows, agrees with the oracle on both databases.

After every request the whole database is compared: with the oracle's rows where the write was allowed, and with what it
held before where it was not.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from contracts.oracle import Declared, Oracle, Refusal
from contracts.profiles import tries
from contracts.rules import Data, Row
from contracts.strategies import NOTHING, Write, datasets, declarations, writes
from contracts.world import PEOPLE, PREFIX, Answer, Served, World
from contracts.writes import Invalid, Writer


def assert_refused(got: Answer, refusal: Refusal) -> None:
    assert (got.status, got.code) == (refusal.status, refusal.code), got
    if isinstance(refusal, Invalid):
        assert {entry["pointer"]: entry["code"] for entry in got.body["errors"]} == refusal.entries, got
    if refusal.status == 401:
        assert got.headers["WWW-Authenticate"].startswith("Bearer")


def assert_shown(got: Answer, oracle: Oracle, table: str, row: Row) -> None:
    """Check the answer to a write: the row as the caller may now read it, `{}` where that is nothing."""
    visible = oracle.settled("read", table) is not False and oracle.visible(table, row)
    assert got.body == (oracle.shown(table, row) if visible else {}), got
    assert ("ETag" in got.headers) == visible


def assert_write_agrees(world: World, served: Served, oracle: Oracle, who: str, write: Write) -> None:
    method, table, id, body = write.method, write.table, write.id, write.sent(oracle)
    writer = Writer(oracle)
    note(f"{who}: {method} {table}/{id} {body}")
    path = table if method == "POST" else f"{table}/{id}"
    got = served.ask(who, method, path, None if method == "DELETE" else body)
    row: Row | None = None
    try:
        match method:
            case "POST":
                row = writer.create(table, body)
                assert got.status == 201, got
                address = got.headers["Location"]
                assert address.startswith(f"{PREFIX}/{table}/")
                row["id"] = int(address.rpartition("/")[2])
            case "DELETE":
                writer.delete(table, id)
                assert (got.status, got.body) == (204, None), got
            case _:
                row = writer.change(table, id, body, whole=method == "PUT")
                assert got.status == 200, got
    except Refusal as refusal:
        assert_refused(got, refusal)
        assert_same_for_nothing(served, who, method, path, body, got)
    else:
        if row is not None:
            writer.store(table, row)
            assert_shown(got, oracle, table, row)
    assert world.stored() == oracle.data


def assert_same_for_nothing(
    served: Served, who: str, method: str, path: str, body: dict[str, Any], got: Answer
) -> None:
    """Check that a foreign key to a hidden row and one to nothing get the same answer but for its id."""
    if got.status != 422 or not all(entry["code"] == "no_such_row" for entry in got.body["errors"]):
        return
    refused = {entry["pointer"][1:] for entry in got.body["errors"]}
    same = served.ask(who, method, path, body | dict.fromkeys(refused, NOTHING))
    assert same.status == 422
    assert same.body | {"request_id": ""} == got.body | {"request_id": ""}
    assert [pair for pair in same.headers if pair[0] != "X-Request-ID"] == [
        pair for pair in got.headers if pair[0] != "X-Request-ID"
    ]


@tries(70)
@given(
    declarations(closed=1, changing=5),
    datasets(least=2, most=4),
    st.lists(st.tuples(st.sampled_from(list(PEOPLE)), writes()), min_size=6, max_size=12),
)
def test_writes_agree_with_the_oracle(
    world: World, declared: dict[str, Declared], data: Data, several: list[tuple[str, Write]]
) -> None:
    served = world.serve(declared)
    world.fill(data)
    for who, write in several:
        assert_write_agrees(world, served, Oracle(data, declared, PEOPLE[who]), who, write)


@tries(60)
@given(
    declarations(closed=0, changing=0, fields=True),
    datasets(least=2, most=4),
    st.lists(st.tuples(st.sampled_from(list(PEOPLE)), writes()), min_size=6, max_size=12),
)
def test_writes_of_fields_with_rules_of_their_own_agree_with_the_oracle(
    world: World, declared: dict[str, Declared], data: Data, several: list[tuple[str, Write]]
) -> None:
    served = world.serve(declared)
    world.fill(data)
    for who, write in several:
        assert_write_agrees(world, served, Oracle(data, declared, PEOPLE[who]), who, write)
