"""Must show 1: two people use the demo, as it stands in examples/atlas, served by the real command.

The tables are empty but for what an editor puts into them: the 170,391 rows of the demo say nothing about accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Project
from contracts.accounts.calling import Client
from contracts.accounts.deployment import CHEAP, SECRET_KEY

ATLAS = Path(__file__).parents[2] / "examples" / "atlas" / "app.py"
ANNA = {"email": "anna@example.com", "password": "a walnut is nobody's fool"}
BEN = {"email": "ben@example.com", "password": "seven slow swans swimming"}
EDITOR = {"email": "editor@example.com", "password": "the editor knows every city"}
SECRET = "Honeymoon nobody may know of"


@pytest.fixture
def atlas(database_url: str, tmp_path: Path) -> Iterator[tuple[Project, str]]:
    folder = tmp_path / "atlas"
    folder.mkdir()
    own = {"DATABASE_URL": database_url, "SECRET_KEY": SECRET_KEY, "MEZE_PASSWORD_HASHING": CHEAP}
    project = Project(folder, own)
    project.write(ATLAS.read_text())
    with project.serving("--dev") as server:
        yield project, server.url


def account(url: str, who: dict[str, str], address: str) -> tuple[Client, dict[str, Any]]:
    client = Client(url, address)
    answer = client.post("/auth/register", who)
    assert answer.status == 201, answer
    return client, answer.json


def make_places(project: Project, url: str) -> None:
    """Have an editor write the few places that trips lead through."""
    client, _ = account(url, EDITOR, "10.0.0.3")
    given = project.run("user", "role", EDITOR["email"], "--add", "editor")
    assert given.returncode == 0, given.stderr
    editor = client.with_token(client.post("/auth/login", EDITOR).json["access_token"])
    country = {"code": "PT", "name": "Portugal", "iso3": "PRT", "population": 10_000_000, "area_km2": 92_000}
    city = {"name": "Lisbon", "population": 500_000, "latitude": 38.7, "longitude": -9.1, "timezone": "Europe/Lisbon"}
    for path, row in (
        ("/continents", {"code": "EU", "name": "Europe"}),
        ("/countries", {**country, "continent_code": "EU"}),
        ("/cities", {**city, "country_code": "PT"}),
    ):
        written = editor.post(path, row)
        assert written.status == 201, written


def traces(client: Client, trip_id: int, owner_id: int) -> dict[str, str]:
    """Ask in every way there is for a trip, and return each answer that tells of it, by its address."""
    asked = [
        "/trips",
        "/trips?count=true",
        f"/trips?id={trip_id}",
        f"/trips?owner_id={owner_id}",
        f"/trips?owner_id={owner_id}&count=true",
        "/trips?title__startswith=Honey",
        "/trips?title__contains=nobody",
        "/trips?sort=-id&limit=1",
        "/trips?expand=stops",
        "/trips?fields=id,title",
        f"/trips?stops__city__name=Lisbon&owner_id={owner_id}",
        "/trips?aggregate=count",
        f"/stops?trip_id={trip_id}",
        "/stops?count=true",
        "/stops?expand=trip",
        "/stops?trip__title__startswith=Honey",
        "/stops?sort=trip__title",
        "/stops?fields=id,trip__title",
        "/cities?expand=stops",
        "/cities?expand=stops__trip",
        "/cities?stops__trip__title__startswith=Honey",
        "/cities?stops__isnull=false",
        "/cities?fields=id,stops__trip__title",
        "/trips?format=csv",
        "/trips?format=csv&fields=title",
        "/stops?format=csv",
    ]
    found = {}
    for path in asked:
        for headers in ({}, {"Accept": "text/csv"}, {"Accept": "application/x-ndjson"}):
            text = client.get(path, headers=headers).body.decode()
            if path in ("/cities?stops__trip__title__startswith=Honey", "/cities?stops__isnull=false"):
                text = text.replace('"items":[]', "")
                told = "Lisbon" in text
            else:
                told = SECRET in text or f'"trip_id":{trip_id}' in text or bool(re.search(r'"total":[1-9]', text))
            if told:
                found[f"{path} {headers}"] = text
    return found


def test_what_somebody_keeps_to_themselves_nobody_else_finds(atlas: tuple[Project, str]) -> None:
    """Must show 1: register, sign in, make a private trip; another user finds no trace; sign out; the token is dead."""
    project, url = atlas
    make_places(project, url)
    anonymous, registered = account(url, ANNA, "10.0.0.1")
    ben_anonymous, ben_registered = account(url, BEN, "10.0.0.2")
    ben = ben_anonymous.with_token(ben_registered["access_token"])

    signed_in = anonymous.post("/auth/login", ANNA)
    assert signed_in.status == 200, signed_in
    anna = anonymous.with_token(signed_in.json["access_token"])
    assert anna.get("/auth/me").json["email"] == ANNA["email"]
    trip = anna.post("/trips", {"title": SECRET, "starts_on": "2026-06-01"})
    assert trip.status == 201, trip
    assert trip.json["owner_id"] == registered["user"]["id"]
    assert trip.json["public"] is False
    city = anna.get("/cities?name=Lisbon").json["items"][0]
    stop = anna.post("/stops", {"trip_id": trip.json["id"], "city_id": city["id"]})
    assert stop.status == 201, stop
    at, stop_at = f"/trips/{trip.json['id']}", f"/stops/{stop.json['id']}"

    assert len(traces(anna, trip.json["id"], registered["user"]["id"])) > 10, "the control: its owner finds it"
    for stranger in (ben, ben_anonymous):
        missing = stranger.get("/trips/2000000000")
        for path in (at, stop_at, f"{at}?expand=stops", f"{at}?fields=id"):
            hidden = stranger.get(path)
            assert (hidden.status, hidden.code) == (404, "not_found")
            assert len(hidden.body) == len(missing.body)
        for method in ("PATCH", "PUT", "DELETE"):
            assert stranger.request(method, at, json={"title": "Stolen"}).status in (401, 404)
        assert traces(stranger, trip.json["id"], registered["user"]["id"]) == {}
    smuggled = ben.post("/stops", {"trip_id": trip.json["id"], "city_id": city["id"]})
    assert (smuggled.status, smuggled.pointers) == (422, ["/trip_id"])
    assert anna.get(at).json["title"] == SECRET

    assert anna.post("/auth/logout").status == 204
    refused = anna.get("/trips")
    assert (refused.status, refused.code) == (401, "token_revoked")
    dead = anonymous.post("/auth/refresh", {"refresh_token": signed_in.json["refresh_token"]})
    assert dead.status == 401
    again = anonymous.post("/auth/login", ANNA)
    assert anna.with_token(again.json["access_token"]).get(at).json["title"] == SECRET
