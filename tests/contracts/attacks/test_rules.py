"""Rules that look as if they said one thing and would do another: refused at start, or held to what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ForeignKey, and_, exists, inspect, join, or_, tuple_
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column, relationship

from contracts.declaring import declare
from contracts.kitchen import ANNA, BEN, Kitchen
from meze import me
from meze.errors import Mistake

Serve = Callable[..., Kitchen]


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int | None]
    public: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("trips.id"))
    blocks: Mapped[list[Block]] = relationship()


class Block(Base):
    """Keeps one person from one trip."""

    __tablename__ = "blocks"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id"))
    user_id: Mapped[int]


ROWS = {
    "trips": [{"id": 1, "public": False}, {"id": 2, "public": False}, {"id": 3, "public": False}],
    "blocks": [{"id": 1, "trip_id": 1, "user_id": ANNA.caller.id}, {"id": 2, "trip_id": 2, "user_id": BEN.caller.id}],
}
first, second = aliased(Trip), aliased(Trip)


def by_hand_with_a_join() -> Any:
    """A question of other rows whose join condition would be lost if only its WHERE were kept."""
    tables = [inspect(each).selectable for each in (first, second)]
    joined = join(*tables, first.id == second.parent_id)
    return exists().select_from(joined).where(first.id == Trip.id, second.public).correlate_except(*tables)


def test_nobody_is_among_no_related_rows(serve: Serve) -> None:
    """`any` and its negation are opposites, for nobody too: who is not signed in is nobody that a row could name."""
    rule = ~Trip.blocks.any(Block.user_id == me.id)
    kitchen = serve(Base, lambda api: declare(api, Trip, {"read": rule}), ROWS)

    assert [row["id"] for row in kitchen.get("/trips").json["items"]] == [1, 2, 3]
    assert [row["id"] for row in kitchen.get("/trips", ANNA).json["items"]] == [2, 3]
    assert [row["id"] for row in kitchen.get("/trips", BEN).json["items"]] == [1, 3]


@pytest.mark.parametrize(
    "write_rule",
    [
        pytest.param(lambda: tuple_(Trip.owner_id, Trip.title).in_([(me.id, "t")]), id="me-in-a-list-of-tuples"),
        pytest.param(lambda: and_(*[]), id="all-of-nothing"),
        pytest.param(lambda: or_(*[]), id="any-of-nothing"),
        pytest.param(by_hand_with_a_join, id="exists-with-a-join"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invoking (and|or)_.* without arguments:sqlalchemy.exc.SADeprecationWarning")
def test_a_rule_that_hides_a_part_of_itself_is_refused_at_start(serve: Serve, write_rule: Callable[[], Any]) -> None:
    rule = write_rule()

    with pytest.raises(Mistake) as refusal:
        serve(Base, lambda api: declare(api, Trip, {"read": rule}))

    assert "declaring.py" in str(refusal.value)
