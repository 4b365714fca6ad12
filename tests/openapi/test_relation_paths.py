"""Patterns of paths: exact while they are small, open behind when models are tangled, and never large."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, relationship

from meze import Meze, anyone

MOST_BYTES = 40_000


def describe(folder: Path, links: dict[str, list[str]]) -> dict[str, Any]:
    """Return the document of models that have a to-one relation to each of those that `links` names."""

    class Base(DeclarativeBase):
        pass

    app = Flask(__name__, instance_path=str(folder / "instance"))
    api = Meze(app, Base, settings={"database_url": f"sqlite:///{folder / 'x.db'}", "secret_key": "k" * 40})
    for name, targets in links.items():
        attributes: dict[str, Any] = {"__tablename__": name.lower(), "id": sa.Column(sa.Integer, primary_key=True)}
        for each in targets:
            attributes[f"{each.lower()}_id"] = key = sa.Column(sa.ForeignKey(f"{each.lower()}.id"))
            attributes[f"to_{each.lower()}"] = relationship(each, foreign_keys=[key], remote_side=f"{each}.id")
        api.resource(type(name, (Base,), attributes), read=anyone)
    made: dict[str, Any] = app.extensions["meze"].openapi()
    app.extensions["meze"].database.close()
    return made


@pytest.fixture
def chain(tmp_path: Path) -> dict[str, Any]:
    return describe(tmp_path, {"A": ["B"], "B": ["C"], "C": ["D"], "D": ["E"], "E": ["F"], "F": []})


@pytest.fixture
def tangle(tmp_path: Path) -> dict[str, Any]:
    names = [f"M{number}" for number in range(8)]
    return describe(tmp_path, dict.fromkeys(names, names))


def filters(document: dict[str, Any], resource: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["parameters"][f"{resource}.related"]["schema"]["patternProperties"]
    return found


def operand(patterns: dict[str, Any], path: str) -> list[str | None]:
    """Return the types of the operands that the patterns give to a path: none where it is unknown, ideally one."""
    return [schema.get("type") for pattern, schema in patterns.items() if re.search(pattern, path)]


def test_four_steps_are_exact_and_a_fifth_is_refused(chain: dict[str, Any]) -> None:
    patterns = filters(chain, "a")

    assert operand(patterns, "to_b__to_c__to_d__to_e__id__gte") == ["integer"]
    assert operand(patterns, "to_b__to_c__to_d__to_e__isnull") == ["boolean"]
    assert operand(patterns, "to_b__to_c__to_d__to_e__to_f__id") == []
    assert operand(patterns, "to_b__to_d__id") == []


def test_no_path_fits_two_patterns(tangle: dict[str, Any]) -> None:
    patterns = filters(tangle, "m0")
    paths = ("to_m1__id", "to_m1__id__isnull", "to_m1__to_m2__id__in", "to_m1__to_m2__to_m3__id", "to_m1__isnull")

    assert [len(operand(patterns, path)) for path in paths] == [1] * len(paths)


def test_tangled_models_are_exact_for_the_first_step_and_open_behind(tangle: dict[str, Any]) -> None:
    patterns = filters(tangle, "m0")

    assert operand(patterns, "to_m1__id__gte") == ["integer"]
    assert operand(patterns, "to_m1__nothing") == []
    assert operand(patterns, "to_m1__to_m2__to_m3__to_m4__id") == ["string"]
    assert operand(patterns, "to_m1__to_nothing__id") == []
    for parameter, names in (
        ("expand", "to_m1__to_m2__to_m3"),
        ("fields", "to_m1__to_m2__id"),
        ("sort", "-to_m1__to_m2__id"),
    ):
        items = tangle["components"]["parameters"][f"m0.{parameter}"]["schema"]["items"]["anyOf"]
        assert any(re.search(each["pattern"], names) for each in items if "pattern" in each), parameter


def test_tangled_models_stay_small(tangle: dict[str, Any]) -> None:
    sizes = [len(json.dumps(filters(tangle, f"m{number}"))) for number in range(8)]

    assert max(sizes) < MOST_BYTES


def test_more_to_many_relations_than_one_row_may_cost_are_not_offered(document: dict[str, Any]) -> None:
    items = document["components"]["parameters"]["tags.expand"]["schema"]["items"]["anyOf"]
    exact = items[1]["pattern"]

    assert re.search(exact, "dishes__goes_with")
    assert re.search(exact, "dishes__tags__dishes")
