"""Names in generated clients read as a person would write them, and no two are alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Caller, Meze, anyone
from meze.openapi.names import component, singular_of

SINGULARS = {
    "cities": "city",
    "albums": "album",
    "boxes": "box",
    "classes": "class",
    "dishes": "dish",
    "buses": "bus",
    "houses": "house",
    "statuses": "status",
    "heroes": "hero",
    "movies": "movie",
    "people": "person",
    "series": "series",
    "ties": "tie",
    "status": "status",
    "analysis": "analysis",
    "sheep": "sheep",
}


@pytest.mark.parametrize(("plural", "singular"), SINGULARS.items())
def test_singulars_are_those_of_english(plural: str, singular: str) -> None:
    assert singular_of(plural) == singular


def test_components_have_names_that_openapi_allows() -> None:
    assert component("order-lines", "名__in") == "order-lines.-540d__in"


def describe(folder: Path, *served: tuple[str, str, str]) -> dict[str, Any]:
    """Return the document of an app that serves models: the class's name, its table, and its name in addresses."""

    class Base(DeclarativeBase):
        pass

    app = Flask(__name__, instance_path=str(folder / "instance"))
    settings = {"database_url": f"sqlite:///{folder / 'x.db'}", "secret_key": "k" * 40}
    api = Meze(app, Base, identify=lambda _: Caller(), settings=settings)
    for model, table, name in served:
        columns = {
            "__tablename__": table,
            "__annotations__": {"id": Mapped[int]},
            "id": mapped_column(primary_key=True),
        }
        api.resource(type(model, (Base,), columns), name=name, read=anyone)
    made: dict[str, Any] = app.extensions["meze"].openapi()
    app.extensions["meze"].database.close()
    return made


def ids(document: dict[str, Any]) -> list[str]:
    paths = {path: item for path, item in document["paths"].items() if path.startswith("/api/v1/") and "get" in item}
    return [item["get"]["operationId"] for item in paths.values()]


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        pytest.param(("Cookie", "cookies", "cookies"), ["listCookies", "getCookie"], id="the-model-knows-its-singular"),
        pytest.param(("OrderLine", "order_lines", "order-lines"), ["listOrderLines", "getOrderLine"], id="two-words"),
        pytest.param(("Record", "records", "albums"), ["listAlbums", "getAlbum"], id="the-address-counts"),
        pytest.param(("Leaf", "leaves", "leaves"), ["listLeaves", "getLeaf"], id="irregular"),
        pytest.param(("Fish", "fish", "fish"), ["listFish", "getFish"], id="no-plural"),
    ],
)
def test_operations_are_named_by_resource_and_model(
    tmp_path: Path, served: tuple[str, str, str], expected: list[str]
) -> None:
    assert ids(describe(tmp_path, served)) == expected


def test_names_that_would_clash_are_numbered(tmp_path: Path) -> None:
    document = describe(
        tmp_path,
        ("City", "cities", "cities"),
        ("Town", "city", "city"),
        ("CityPage", "city_pages", "city_pages"),
        ("Problem", "problems", "problems"),
        ("Server", "server", "server"),
    )
    tags = [tag["name"] for tag in document["tags"]]

    assert len(set(ids(document))) == len(ids(document)) == 10
    assert {"listCities", "getCity", "listCity", "getCity2"} <= set(ids(document))
    assert "status" in document["components"]["schemas"]["Problem"]["properties"]
    assert list(document["components"]["schemas"]["Problem2"]["properties"]) == ["id", "_etag"]
    assert len(set(tags)) == len(tags) == 6


def test_letters_of_any_script_make_valid_names(tmp_path: Path) -> None:
    document = describe(tmp_path, ("城市", "城市表", "cities"))

    assert ids(document) == ["listCities", "getCity"]
