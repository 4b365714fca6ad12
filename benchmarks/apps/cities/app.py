"""Cities with Meze, as many as GeoNames has: what `export_import.py` measures."""

from flask import Flask
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone


class Base(DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "cities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    country_code: Mapped[str] = mapped_column(String(2), index=True)
    population: Mapped[int]
    latitude: Mapped[float]
    longitude: Mapped[float]
    timezone: Mapped[str | None] = mapped_column(String(40))


app = Flask(__name__)
api = Meze(app, Base)

api.resource(City, read=anyone, write=anyone)
