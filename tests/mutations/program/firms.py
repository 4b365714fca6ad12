"""Firms whose rows are kept apart by the tenancy alone: the rules themselves let everyone in."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Meze, User, signed_in


class Base(DeclarativeBase):
    pass


class Firm(Base):
    __tablename__ = "firms"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))


class Membership(Base):
    __tablename__ = "memberships"
    id: Mapped[int] = mapped_column(primary_key=True)
    firm_id: Mapped[int] = mapped_column(ForeignKey("firms.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    user: Mapped[User] = relationship(User)


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)
    firm_id: Mapped[int] = mapped_column(ForeignKey("firms.id", ondelete="CASCADE"), index=True)
    number: Mapped[str] = mapped_column(String(20))
    total: Mapped[int]
    lines: Mapped[list[Line]] = relationship(back_populates="invoice", passive_deletes=True)


class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(80))
    invoice: Mapped[Invoice] = relationship(back_populates="lines")


app = Flask(__name__)
api = Meze(app, Base)
api.tenant(Membership)

api.resource(Firm, read=signed_in)
api.resource(Membership, read=signed_in)
api.resource(Invoice, read=signed_in, write=signed_in)
api.resource(Line, read=signed_in, write=signed_in)
