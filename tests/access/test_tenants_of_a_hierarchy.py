"""Memberships that share a table with what is no membership."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import Meze, anyone
from meze.access.tenancy_reading import read_tenancy
from meze.accounts.declared import declarations
from meze.databases.own import add_tables
from meze.errors import Mistake
from meze.resources.declare import build


class Base(DeclarativeBase):
    pass


class Studio(Base):
    __tablename__ = "studios"
    id: Mapped[int] = mapped_column(primary_key=True)


class Link(Base):
    __tablename__ = "links"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "link"}


class Member(Link):
    __mapper_args__: ClassVar[Any] = {"polymorphic_identity": "member"}


class Follower(Link):
    __mapper_args__: ClassVar[Any] = {"polymorphic_identity": "follower"}


def sealed(model: type[Base]) -> Any:
    api = Meze()
    api.tenant(model)
    api.resource(Studio, read=anyone)
    add_tables(Base.metadata)
    resources = build((*api.declarations, *declarations()), Base.metadata, "sqlite", lambda _: 64)
    assert api.tenancy is not None
    return read_tenancy(api.tenancy, resources)


def test_one_class_of_a_shared_table_is_refused_since_every_row_would_make_a_member() -> None:
    with pytest.raises(Mistake, match="Member shares the table links with other classes"):
        sealed(Member)


def test_all_that_the_table_holds_may_be_memberships() -> None:
    assert sealed(Link).membership is Link.__table__
