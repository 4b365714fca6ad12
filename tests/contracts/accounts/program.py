"""The program that the accounts of these tests belong to, as somebody would write it."""

SERVICE = "Grand Tour Planner"
PROGRAM = f"""\
from flask import Flask
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import About, Meze, User, anyone, hidden, me, role, signed_in


class Base(DeclarativeBase):
    pass


class City(Base):
    __tablename__ = "cities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    public: Mapped[bool] = mapped_column(default=False)
    remark: Mapped[str] = mapped_column(String(120), default="seen by nobody")
    owner: Mapped[User] = relationship()
    stops: Mapped[list["Stop"]] = relationship(back_populates="trip")


class Stop(Base):
    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trips.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    trip: Mapped[Trip] = relationship(back_populates="stops")


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int]


app = Flask(__name__)
api = Meze(app, Base, roles=("editor",), about=About(title={SERVICE!r}))

mine = signed_in & (Trip.owner_id == me.id)

api.resource(City, read=anyone, write=role("editor"))
api.resource(Trip, read=Trip.public.is_(True) | mine, write=mine, owner="owner_id", fields={{"remark": hidden}})
api.resource(Stop, read=Stop.trip.has(Trip.public.is_(True) | mine), write=Stop.trip.has(mine))
api.resource(Invoice)
"""
