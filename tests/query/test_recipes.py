"""A request of a known form asks for exactly what it would ask for if it were read as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.kitchen import make_app
from meze.access.caller import NOBODY
from meze.errors import Problem
from meze.query.condition import Meant
from meze.query.parse import LIST_PARAMETERS, ListParser
from meze.query.recipes import KEPT, LONGEST, Recipe, Recipes, form_of
from meze.query.view import View

Arguments = list[tuple[str, str]]


class Kitchen:
    def __init__(self, folder: Any) -> None:
        parts = make_app(f"sqlite:///{folder / 'kitchen.db'}", folder).extensions["meze"].open()
        self.parser: ListParser = parts.site.routes.parser.lists
        policy = parts.policy
        self.views = {each.name: policy.view(each, policy.standing(NOBODY)) for each in parts.resources.served}


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    return Kitchen(tmp_path_factory.mktemp("kitchen"))


def told(read: Any) -> Any:
    try:
        return read()
    except Problem as problem:
        return type(problem), problem.as_json("en", "")


def names_of(view: View) -> list[str]:
    named = [f"{name}{operator}" for name in view.askable for operator in ("", "__lt", "__gte", "__contains", "__ne")]
    return [*named, *(f"{name}__id" for name in view.relations), "nothing", "sort__gt"]


@st.composite
def requests(draw: Any, views: dict[str, View]) -> tuple[View, list[Arguments]]:
    """Draw a form and several requests of it."""
    view = views[draw(st.sampled_from(sorted(views)))]
    fields = sorted(view.askable)
    filters = draw(st.lists(st.sampled_from(names_of(view)), max_size=4))
    sorts = [*fields, *(f"-{name}" for name in fields), "nothing"]
    optional = {
        "sort": st.lists(st.sampled_from(sorts), min_size=1).map(",".join),
        "limit": st.sampled_from(["1", "20", "100", "0", "x"]),
        "fields": st.lists(st.sampled_from(fields), min_size=1, unique=True).map(",".join),
        "count": st.just("true"),
    }
    controls = draw(st.fixed_dictionaries({}, optional=optional))
    values = st.sampled_from(["1", "red", "abc", "2026-01-31", "true", "", "12.50", "x" * 300, "Straße", "\x00"])
    order = draw(st.permutations([*filters, *controls]))
    return view, [[(name, controls[name] if name in controls else draw(values)) for name in order] for _ in range(3)]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_known_form_asks_the_same_as_the_whole_request(kitchen: Kitchen, data: Any) -> None:
    view, many = data.draw(requests(kitchen.views))
    for arguments in many:
        whole = told(lambda: kitchen.parser.asked(*kitchen.parser.told(arguments, view), view))  # noqa: B023
        assert told(lambda: kitchen.parser.parse(arguments, view)) == whole  # noqa: B023


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([("id__in", "1,2")], id="a-list-of-values"),
        pytest.param([("id__isnull", "true")], id="a-flag"),
        pytest.param([("q", "x")], id="a-search"),
        pytest.param([("page", "2")], id="a-page"),
        pytest.param([("cursor", "x")], id="a-cursor"),
        pytest.param([("a" * (LONGEST + 1), "1")], id="a-long-one"),
    ],
)
def test_what_a_value_may_change_has_no_form(kitchen: Kitchen, arguments: Arguments) -> None:
    assert form_of(arguments, next(iter(kitchen.views.values())), LIST_PARAMETERS) is None


def test_values_are_no_part_of_a_form_and_whoever_asks_is(kitchen: Kitchen) -> None:
    one, other = list(kitchen.views.values())[:2]

    assert form_of([("id", "1")], one, LIST_PARAMETERS) == form_of([("id", "2")], one, LIST_PARAMETERS)
    assert form_of([("id", "1")], one, LIST_PARAMETERS) != form_of([("id", "1")], other, LIST_PARAMETERS)
    assert form_of([("sort", "id")], one, LIST_PARAMETERS) != form_of([("sort", "-id")], one, LIST_PARAMETERS)


def test_recipes_that_are_asked_for_stay_and_others_make_place() -> None:
    recipes, recipe = Recipes(), Recipe(None, 20, (), tuple[Meant, ...]())  # type: ignore[arg-type]
    recipes.keep(("hot",), recipe)
    for number in range(10 * KEPT):
        recipes.keep((number,), recipe)
        assert recipes.find(("hot",)) is recipe

    assert recipes.find((0,)) is None
    assert len(recipes._recipes) + len(recipes._before) <= KEPT
