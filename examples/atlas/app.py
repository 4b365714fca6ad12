"""The world's cities, and the trips people plan through them."""

from datetime import date

from flask import Flask
from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import About, Credit, Meze, anyone, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Continent(Base):
    __tablename__ = "continents"
    code: Mapped[str] = mapped_column(String(2), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    countries: Mapped[list["Country"]] = relationship(back_populates="continent")


class Country(Base):
    __tablename__ = "countries"
    code: Mapped[str] = mapped_column(String(2), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), index=True)
    iso3: Mapped[str] = mapped_column(String(3))
    capital: Mapped[str | None] = mapped_column(String(80))
    continent_code: Mapped[str] = mapped_column(ForeignKey("continents.code"), index=True)
    population: Mapped[int] = mapped_column(index=True)
    area_km2: Mapped[int]
    currency: Mapped[str | None] = mapped_column(String(3))
    phone: Mapped[str | None] = mapped_column(String(40))
    continent: Mapped[Continent] = relationship(back_populates="countries")
    cities: Mapped[list["City"]] = relationship(back_populates="country")


class City(Base):
    __tablename__ = "cities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    country_code: Mapped[str] = mapped_column(ForeignKey("countries.code"))
    admin1_code: Mapped[str | None] = mapped_column(String(20))
    population: Mapped[int]
    latitude: Mapped[float]
    longitude: Mapped[float]
    timezone: Mapped[str] = mapped_column(String(40))
    alternate_names: Mapped[str] = mapped_column(Text, default="")
    country: Mapped[Country] = relationship(back_populates="cities")
    stops: Mapped[list["Stop"]] = relationship(back_populates="city")

    # A sorted page is read from one of these from its first row on; the key at the end makes the order total.
    __table_args__ = (
        Index("cities_by_name", "name", "id"),
        Index("cities_by_population", "population", "id"),
        Index("cities_by_country_and_population", "country_code", "population", "id"),
    )


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(120), index=True)
    starts_on: Mapped[date | None] = mapped_column(index=True)
    public: Mapped[bool] = mapped_column(default=False, index=True)
    stops: Mapped[list["Stop"]] = relationship(back_populates="trip")


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id", ondelete="CASCADE"), index=True)
    city_id: Mapped[int] = mapped_column(ForeignKey("cities.id"), index=True)
    nights: Mapped[int] = mapped_column(default=1)
    trip: Mapped[Trip] = relationship(back_populates="stops")
    city: Mapped[City] = relationship(back_populates="stops")


about = About(
    title="Atlas",
    description="The world's cities, and the trips that people plan through them: a REST API over 170,391 real rows.",
    resources={
        "continents": "The seven continents",
        "countries": "Countries, with their people, area and money",
        "cities": "Cities of more than 1,000 people, and seats of government",
        "trips": "Trips that somebody plans, for everyone or for themselves",
        "stops": "The cities of a trip, with the nights spent there",
    },
    examples=[
        (
            "The large cities of France, each with its country",
            "/api/v1/cities?country_code=FR&population__gte=100000&sort=-population&expand=country"
            "&fields=id,name,population&limit=3",
        ),
        (
            "Beijing, found by its own name",
            "/api/v1/cities?q=北京&sort=-population&fields=id,name,country_code,population",
        ),
        ("Iceland, with its continent", "/api/v1/countries/IS?expand=continent"),
    ],
    credits=[Credit("Places by GeoNames, CC BY 4.0", "https://www.geonames.org/")],
)

app = Flask(__name__)
api = Meze(app, Base, roles=("editor",), about=about)

mine = signed_in & (Trip.owner_id == me.id)

api.resource(Continent, read=anyone, write=role("editor"))
api.resource(Country, read=anyone, write=role("editor"))
api.resource(City, read=anyone, write=role("editor"), search=["name", "alternate_names"])
api.resource(Trip, read=Trip.public.is_(True) | mine, write=mine, owner="owner_id")
api.resource(Stop, read=Stop.trip.has(Trip.public.is_(True) | mine), write=Stop.trip.has(mine))
