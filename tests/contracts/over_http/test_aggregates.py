"""Aggregates over HTTP: exact numbers, dates by part, groups of every type, rules, pages and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from contracts.aggregating import aggregated
from contracts.kitchen import ANNA, BEN, HR, Book, Color, Kitchen, Label, Note, Remark, Shelf, Thing, forget, refused
from contracts.profiles import tries
from meze.records.cost import Load

MakeKitchen = Callable[..., Kitchen]


def groups(kitchen: Kitchen, query: str, *people: Any) -> list[dict[str, Any]]:
    answer = kitchen.get(query, *people)
    assert answer.status_code == 200, answer.text
    assert set(answer.json) == {"groups", "next"}
    found: list[dict[str, Any]] = answer.json["groups"]
    return found


numbers = st.fixed_dictionaries(
    {
        "small": st.none() | st.integers(-(2**15), 2**15 - 1),
        "big": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9),
        "price": st.none() | st.decimals(-99999999, 99999999, places=2),
        "exact": st.none() | st.decimals(-(10**14) + 1, 10**14 - 1, places=4),
    }
)
SCALES = {"small": 0, "big": 0, "price": 2, "exact": 4}


@tries(40)
@given(st.lists(numbers, max_size=7))
def test_sums_and_averages_are_exact(kitchen: Kitchen, rows: list[dict[str, Any]]) -> None:
    forget(kitchen.engine)
    if rows:
        kitchen.fill(Thing, rows)
    for name, scale in SCALES.items():
        values = [row[name] for row in rows if row[name] is not None]
        total = aggregated("sum", [Fraction(value) for value in values])
        average = aggregated("avg", values, scale)
        if scale:
            total = None if total is None else f"{Decimal(total.numerator) / total.denominator:.{scale}f}"
        [found] = groups(kitchen, f"/things?aggregate=avg:{name},count:{name}")
        assert found == {f"avg_{name}": average, f"count_{name}": len(values)}
        if isinstance(total, Fraction) and not -(2**63) <= total < 2**63:
            problem = refused(kitchen.get(f"/things?aggregate=sum:{name}"), 400, "bad_value", parameter="aggregate")
            assert problem["errors"][0]["code"] == "too_big"
            continue
        if any(not -(2**63) <= values.count(each) * each < 2**63 for each in values):
            continue
        assert groups(kitchen, f"/things?aggregate=sum:{name}") == [{f"sum_{name}": total}]
        ordered = groups(kitchen, f"/things?aggregate=sum:{name}&group={name}&sort=-sum_{name}&limit=100")
        sums = sorted(((values.count(each) * each, each) for each in set(values)), key=lambda pair: (-pair[0], pair[1]))
        assert [each[name] for each in ordered if each[name] is not None] == [_shown(each, scale) for _, each in sums]
        assert (None in [each[name] for each in ordered[:1]]) == (len(values) < len(rows))


def _shown(value: Any, scale: int) -> Any:
    return f"{value if value else 0:.{scale}f}" if scale else value


@pytest.mark.parametrize(
    ("values", "average"),
    [
        pytest.param(["0.01", "0.00"], "0.00500000", id="has-six-digits-more"),
        pytest.param(["0.01", "0.01", "0.00"], "0.00666667", id="is-rounded-up"),
        pytest.param(["0.01", "0.00", "0.00"], "0.00333333", id="is-rounded-down"),
        pytest.param(["-0.01", "-0.01", "0.00"], "-0.00666667", id="is-rounded-away-from-zero"),
        pytest.param(["0.01"] + ["0.00"] * 63, "0.00015625", id="is-exact-where-it-can-be"),
        pytest.param(["0.01"] + ["0.00"] * 127, "0.00007813", id="of-two-alike-the-farther-from-zero"),
        pytest.param(["-0.01"] + ["0.00"] * 127, "-0.00007813", id="of-two-alike-below-zero"),
    ],
)
@pytest.mark.parametrize("field", ["price", "exact"])
def test_an_average(kitchen: Kitchen, field: str, values: list[str], average: str) -> None:
    kitchen.fill(Thing, [{field: Decimal(value)} for value in values])
    if field == "exact":
        average = aggregated("avg", [Decimal(value) for value in values], 4)

    assert groups(kitchen, f"/things?aggregate=avg:{field}") == [{f"avg_{field}": average}]


def test_of_nothing_counts_are_zero_and_the_rest_is_null(kitchen: Kitchen) -> None:
    asked = "count,count:price,count_distinct:price,sum:price,avg:whole,min:day,max:words,sum:ratio"
    nothing = {"sum_price": None, "avg_whole": None, "min_day": None, "max_words": None, "sum_ratio": None}

    assert groups(kitchen, f"/things?aggregate={asked}") == [
        {"count": 0, "count_price": 0, "count_distinct_price": 0, **nothing}
    ]
    assert groups(kitchen, f"/things?aggregate={asked}&group=flag") == []


def test_the_least_and_the_greatest_of_every_ordered_type(kitchen: Kitchen) -> None:
    row = {"small": 1, "price": "1.50", "exact": "2.0000", "ratio": 0.5, "words": "é", "day": "2024-02-29"}
    row |= {"moment": "2024-02-29T12:00:00.000001Z", "clock": "12:30:00", "span": "P1DT2H30M", "big": 2**63 - 1}
    kitchen.add("/things", row)
    kitchen.add("/things", {})
    asked = ",".join(f"min:{name},max:{name}" for name in list(row)[:5])
    asked_then = ",".join(f"min:{name},max:{name}" for name in list(row)[5:])

    for part in (asked, asked_then):
        [found] = groups(kitchen, f"/things?aggregate={part}")
        for name, value in found.items():
            assert value == row[name.partition("_")[2]], name


def test_groups_of_every_sortable_type_show_values_as_fields_do(kitchen: Kitchen) -> None:
    row = {
        "small": 1,
        "flag": True,
        "short": "a",
        "price": "0.30",
        "exact": "2.0000",
        "ratio": 0.5,
        "day": "2024-02-29",
    }
    row |= {"naive": "2024-02-29T12:00:00Z", "moment": "2024-02-29T12:00:00.5Z", "clock": "12:30:00", "span": "PT2H"}
    row |= {"token": "018f3b0c-7f3e-7cc2-9d6b-2f6f0a2f5b1e", "color": "deep-blue", "level": 2, "size": "m"}
    shown = kitchen.add("/things", row)
    kitchen.add("/things", row)
    kitchen.add("/things", {})
    for name in row:
        first = kitchen.get(f"/things?aggregate=count&group={name}&limit=1").json
        assert first["groups"] == [{name: shown[name], "count": 2}]
        last = kitchen.get(f"/{first['next']}").json
        assert last == {"groups": [{name: None, "count": 1}], "next": None}, name


def test_values_that_are_shown_alike_are_one_group(kitchen: Kitchen) -> None:
    """The database may hold several forms of one value: texts of a moment, doubles of a decimal."""
    kitchen.fill(Thing, [{"id": index, "price": Decimal("0.30")} for index in (1, 2, 3)])
    with kitchen.engine.begin() as connection:
        connection.execute(text("UPDATE things SET moment = '2024-01-01 12:00:00', clock = '12:00:00' WHERE id = 1"))
        connection.execute(
            text("UPDATE things SET moment = '2024-01-01 12:00:00.0', clock = '12:00:00.00' WHERE id = 2")
        )
        connection.execute(
            text("UPDATE things SET moment = '2024-01-01 12:00:00.000000', clock = '12:00:00.000000' WHERE id = 3")
        )
        connection.execute(text("UPDATE things SET price = 0.1 + 0.2 WHERE id = 2"))

    assert groups(kitchen, "/things?aggregate=count&group=moment,clock,price") == [
        {"moment": "2024-01-01T12:00:00Z", "clock": "12:00:00", "price": "0.30", "count": 3}
    ]
    assert groups(kitchen, "/things?aggregate=count_distinct:moment,count_distinct:clock,count_distinct:price") == [
        {"count_distinct_moment": 1, "count_distinct_clock": 1, "count_distinct_price": 1}
    ]


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("year", [987, 2023, 2024]),
        ("month", ["0987-12", "2023-12", "2024-01"]),
        ("day", ["0987-12-31", "2023-12-31", "2024-01-01"]),
    ],
)
@pytest.mark.parametrize("field", ["day", "moment", "naive"])
def test_dates_and_moments_by_part(kitchen: Kitchen, field: str, part: str, values: list[Any]) -> None:
    found = [date(987, 12, 31), date(2023, 12, 31), date(2024, 1, 1)]
    rows = [
        {"id": index, "day": day, "naive": datetime.combine(day, time(23, 59))} for index, day in enumerate(found, 1)
    ]
    kitchen.fill(Thing, rows)
    for index, day in enumerate(found, 1):
        kitchen.patch(f"/things/{index}", {"moment": f"{day}T23:59:59.999999Z"})
    name = f"{field}__{part}"

    assert groups(kitchen, f"/things?aggregate=count&group={name}") == [{name: each, "count": 1} for each in values]
    newest_first = kitchen.get(f"/things?aggregate=count&group={name}&sort=-{name}&limit=2").json
    assert [each[name] for each in newest_first["groups"]] == values[:0:-1]
    assert [each[name] for each in kitchen.get(f"/{newest_first['next']}").json["groups"]] == values[:1]


def test_a_part_of_a_moment_is_that_in_utc(kitchen: Kitchen) -> None:
    kitchen.add("/things", {"moment": "2024-01-01T01:00:00+02:00"})

    assert groups(kitchen, "/things?aggregate=count&group=moment__day") == [{"moment__day": "2023-12-31", "count": 1}]


def test_a_sum_of_floating_point_that_overflows_is_refused(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"ratio": 1.7e308}, {"ratio": 1.7e308}])

    refused(kitchen.get("/things?aggregate=sum:ratio"), 400, "bad_value", parameter="aggregate", entry="too_big")
    assert groups(kitchen, "/things?aggregate=max:ratio") == [{"max_ratio": 1.7e308}]


def test_filters_search_and_null_hold_as_in_lists(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    titles = ["red fox", "red hen", "blue fox", "red sea"]
    kitchen.fill(
        Book, [{"id": n, "title": each, "shelf_id": None if n == 4 else 1 + n % 2} for n, each in enumerate(titles, 1)]
    )

    assert groups(kitchen, "/books?q=red&aggregate=count&group=shelf__name") == [
        {"shelf__name": "a", "count": 1},
        {"shelf__name": "b", "count": 1},
        {"shelf__name": None, "count": 1},
    ]
    assert groups(kitchen, "/books?q=red&title__contains=FOX&aggregate=count") == [{"count": 1}]
    assert groups(kitchen, "/books?q=%21&aggregate=count,min:title") == [{"count": 0, "min_title": None}]
    assert groups(kitchen, "/books?q=%21&aggregate=count&group=title") == []
    assert groups(kitchen, "/shelves?books__title__startswith=red&aggregate=count,max:name") == [
        {"count": 2, "max_name": "b"}
    ]


def test_fields_named_like_parameters_and_aggregates(kitchen: Kitchen) -> None:
    kitchen.fill(Label, [{"name": "a", "count": 1}, {"name": "b", "count": 1}])

    assert groups(kitchen, "/labels?aggregate=max:name&group=count") == [{"count": 1, "max_name": "b"}]
    refused(kitchen.get("/labels?aggregate=count&group=count"), 400, "bad_value", parameter="aggregate")


def test_sorts_over_aggregates_go_on_from_page_to_page(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"whole": n % 7, "small": n % 3 or None, "price": Decimal(n)} for n in range(50)])
    for sort in ("-count,avg_price", "sum_small", "-sum_small,-whole", "max_price,-count", "-avg_price"):
        query = f"/things?aggregate=count,avg:price,sum:small,max:price&group=whole,small&sort={sort}"
        whole = groups(kitchen, f"{query}&limit=100")
        assert len(whole) == 21
        walked, page = [], kitchen.get(f"{query}&limit=4").json
        while page["next"]:
            walked += page["groups"]
            page = kitchen.get(f"/{page['next']}").json
        assert walked + page["groups"] == whole
        counted = [each for n in range(1, 7) for each in groups(kitchen, f"{query}&limit=4&page={n}")]
        assert counted == whole


def test_rows_that_may_not_be_read_are_in_no_group(kitchen: Kitchen) -> None:
    notes = [(1, 1, "a", False), (2, 1, "b", True), (3, 2, "c", False), (4, 2, "d", True)]
    kitchen.fill(
        Note,
        [
            {"id": i, "owner_id": owner, "title": title, "public": public, "salary": 10 * i}
            for i, owner, title, public in notes
        ],
    )
    kitchen.fill(Remark, [{"id": i, "note_id": i} for i in range(1, 5)])

    query = "/notes?aggregate=count,max:title&group=owner_id"
    assert groups(kitchen, query) == [
        {"owner_id": 1, "count": 1, "max_title": "b"},
        {"owner_id": 2, "count": 1, "max_title": "d"},
    ]
    assert groups(kitchen, query, ANNA)[0] == {"owner_id": 1, "count": 2, "max_title": "b"}
    assert groups(kitchen, "/remarks?aggregate=count,min:note__id&group=note__title", BEN) == [
        {"note__title": "b", "count": 1, "min_note__id": 2},
        {"note__title": "c", "count": 1, "min_note__id": 3},
        {"note__title": "d", "count": 1, "min_note__id": 4},
        {"note__title": None, "count": 1, "min_note__id": None},
    ]
    assert groups(kitchen, "/notes?aggregate=sum:salary", HR) == [{"sum_salary": 60}]


@pytest.mark.parametrize(
    "asked",
    [
        "aggregate=max:{}",
        "aggregate=count&group={}",
        "aggregate=count&sort={}",
        "aggregate=sum:{}__id",
        "aggregate=count&group={}__month",
    ],
)
def test_a_hidden_field_is_refused_as_one_that_is_missing(kitchen: Kitchen, asked: str) -> None:
    def answered(path: str, name: str) -> bytes:
        answer = kitchen.get(path + asked.format(name), ANNA, headers={"X-Request-ID": "same"})
        refused(answer, 400, "unknown_field")
        return answer.data.replace(name.encode(), b"-")

    for hidden in ("secret", "salary"):
        assert answered("/notes?", hidden) == answered("/notes?", "zzzzzzz")


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("aggregate=", "bad_value", "aggregate"),
        ("aggregate=count,", "bad_value", "aggregate"),
        ("aggregate=COUNT", "bad_value", "aggregate"),
        ("aggregate=median:whole", "bad_value", "aggregate"),
        ("aggregate=sum", "bad_value", "aggregate"),
        ("aggregate=sum:", "bad_value", "aggregate"),
        ("aggregate=count:", "bad_value", "aggregate"),
        ("aggregate=sum:words", "bad_value", "aggregate"),
        ("aggregate=sum:day", "bad_value", "aggregate"),
        ("aggregate=avg:span", "bad_value", "aggregate"),
        ("aggregate=sum:flag", "bad_value", "aggregate"),
        ("aggregate=min:flag", "bad_value", "aggregate"),
        ("aggregate=max:color", "bad_value", "aggregate"),
        ("aggregate=min:token", "bad_value", "aggregate"),
        ("aggregate=count_distinct:data", "bad_value", "aggregate"),
        ("aggregate=count,count", "bad_value", "aggregate"),
        ("aggregate=sum:whole,sum:whole", "bad_value", "aggregate"),
        ("aggregate=sum:children__whole", "bad_value", "aggregate"),
        ("aggregate=sum:nothing", "unknown_field", "aggregate"),
        ("aggregate=sum:parent", "unknown_field", "aggregate"),
        ("aggregate=sum:whole__year", "unknown_field", "aggregate"),
        ("aggregate=max:day__year", "unknown_field", "aggregate"),
        ("aggregate=sum:parent__parent__parent__parent__parent__whole", "unknown_field", "aggregate"),
        (
            "aggregate="
            + ",".join(
                ["count", *(f"{f}:{n}" for f in ("min", "max") for n in ("id", "small", "whole", "big", "price"))]
            ),
            "bad_value",
            "aggregate",
        ),
        ("group=flag", "bad_value", "group"),
        ("aggregate=count&group=", "bad_value", "group"),
        ("aggregate=count&group=flag,flag", "bad_value", "aggregate"),
        ("aggregate=count&group=id,small,whole,big,flag,short", "bad_value", "group"),
        ("aggregate=count&group=data", "bad_value", "group"),
        ("aggregate=count&group=blob", "bad_value", "group"),
        ("aggregate=count&group=children__whole", "bad_value", "group"),
        ("aggregate=count&group=labels", "unknown_field", "group"),
        ("aggregate=count&group=parent", "unknown_field", "group"),
        ("aggregate=count&group=whole__month", "unknown_field", "group"),
        ("aggregate=count&group=clock__day", "unknown_field", "group"),
        ("aggregate=count&group=day__week", "bad_value", "group"),
        ("aggregate=count&group=day__year__month", "bad_value", "group"),
        ("aggregate=count&sort=whole", "unknown_field", "sort"),
        ("aggregate=count&sort=", "bad_value", "sort"),
        ("aggregate=count&sort=--count", "unknown_field", "sort"),
        ("aggregate=count&fields=id", "bad_value", "fields"),
        ("aggregate=count&expand=parent", "bad_value", "expand"),
        ("aggregate=count&count=true", "bad_value", "count"),
        ("aggregate=count&aggregate=count", "bad_value", "aggregate"),
        ("aggregate=count&limit=0", "bad_value", "limit"),
        ("aggregate=count&limit=101", "bad_value", "limit"),
        ("aggregate=count&cursor=abc", "bad_cursor", "cursor"),
        ("aggregate=count&q=a", "unknown_parameter", "q"),
    ],
)
def test_what_cannot_be_used_is_400(kitchen: Kitchen, query: str, code: str, parameter: str) -> None:
    refused(kitchen.get(f"/things?{query}"), 400, code, parameter=parameter)


def test_a_cursor_belongs_to_its_groups_and_their_order(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"whole": n, "small": n} for n in range(3)])
    following = kitchen.get("/things?aggregate=count&group=whole&limit=1").json["next"]
    cursor = following.partition("cursor=")[2]

    assert kitchen.get(f"/{following}").json["groups"] == [{"whole": 1, "count": 1}]
    for other in (
        "aggregate=count&group=small",
        "aggregate=max:id&group=whole",
        "aggregate=count&group=whole&sort=-count",
        "aggregate=count&group=whole&whole=1",
        "limit=1",
        "sort=whole",
    ):
        refused(kitchen.get(f"/things?{other}&cursor={cursor}"), 400, "bad_cursor", parameter="cursor")
    rows = kitchen.get("/things?sort=whole&limit=1").json["next"].partition("cursor=")[2]
    refused(kitchen.get(f"/things?aggregate=count&group=whole&cursor={rows}"), 400, "bad_cursor", parameter="cursor")


def test_the_body_of_query_asks_for_aggregates_too(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"whole": n, "flag": n % 2 == 0} for n in range(5)])
    body = {
        "where": {"or": [{"whole": 0}, {"whole__gt": 2}]},
        "aggregate": ["count", "sum:whole"],
        "group": "flag",
        "limit": 1,
    }

    first = kitchen.request("QUERY", "/things", json=body)
    assert first.json["groups"] == [{"flag": False, "count": 1, "sum_whole": 3}]
    second = kitchen.request("QUERY", f"/{first.json['next']}", json=body)
    assert second.json == {"groups": [{"flag": True, "count": 2, "sum_whole": 4}], "next": None}
    refused(
        kitchen.request("QUERY", "/things", json={"aggregate": "sum:nothing"}),
        400,
        "unknown_field",
        pointer="/aggregate",
    )


def test_an_export_has_no_aggregates(kitchen: Kitchen) -> None:
    refused(kitchen.get("/things?aggregate=count&format=csv"), 400, "bad_value", parameter="aggregate")


def test_aggregates_have_their_place_among_long_requests(kitchen_with: MakeKitchen) -> None:
    kitchen = kitchen_with(threads=2)
    assert kitchen.get("/things?aggregate=count").status_code == 200
    slots = kitchen.app.extensions["meze"].open().records.slots
    with slots.taken(Load(suspect=True)):
        answer = kitchen.get("/things?aggregate=max:words")
        refused(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
    assert kitchen.get("/things?aggregate=max:words").status_code == 200


def test_aggregates_that_take_too_long_are_422(kitchen: Kitchen, kitchen_with: MakeKitchen) -> None:
    kitchen.fill(Thing, [{"id": index, "words": "é" * 20_000 + "a0a1"} for index in range(1, 301)])
    slow = "&".join(f"words__contains=a{index % 2}" for index in range(99))

    refused(kitchen_with(statement_seconds=0.1).get(f"/things?aggregate=count&{slow}"), 422, "too_expensive")


def test_too_many_relations_are_422(kitchen: Kitchen) -> None:
    paths = ",".join("max:" + "parent__" * steps + "whole" for steps in range(1, 5))
    crossed = "&".join("children__" + "parent__" * steps + "labels__note=a" for steps in range(3))
    crossed += "&" + "&".join("labels__things__" + "children__" * steps + "parent__whole=1" for steps in range(2))
    more = "&".join(
        f"{path}__whole=1"
        for path in (
            "children__children__children__children",
            "parent__children__children__children",
            "parent__parent__children__children",
            "labels__things__labels__things",
        )
    )

    refused(kitchen.get(f"/things?aggregate={paths}&{crossed}&{more}"), 422, "too_expensive")


def test_a_resources_own_page_limit_holds_for_groups(kitchen: Kitchen) -> None:
    kitchen.fill(Shelf, [{"name": str(n)} for n in range(7)])

    assert len(groups(kitchen, "/shelves?aggregate=count&group=name")) == 5
    refused(kitchen.get("/shelves?aggregate=count&group=name&limit=6"), 400, "bad_value", parameter="limit")


def test_an_unused_color_makes_no_group(kitchen: Kitchen) -> None:
    kitchen.fill(Thing, [{"color": Color.RED}, {"color": None}])

    assert groups(kitchen, "/things?aggregate=count&group=color&sort=-color") == [
        {"color": None, "count": 1},
        {"color": "red", "count": 1},
    ]
