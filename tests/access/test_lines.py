"""The line of each argument of a declaration is known."""

import inspect

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze import FieldRules, Meze, anyone, hidden, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trips"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    secret: Mapped[str]


def closed_for_most(api, model, **rules):
    api.resource(
        model,
        read=role("editor"),
        **rules,
    )


def said(lines):
    """Return the source of each line instead of its number."""
    source = inspect.getsource(inspect.getmodule(said)).splitlines()
    assert all(each.startswith(f"{__file__}:") for each in lines.values())
    return {name: source[int(each.rpartition(":")[2]) - 1].strip() for name, each in lines.items()}


def test_each_argument_is_found_at_its_line():
    api = Meze()
    api.resource(
        Trip,
        read=anyone,
        write=signed_in
        & (Trip.owner_id == me.id),
        fields={
            "secret": FieldRules(
                read=role("editor"),
            ),
            "owner_id": hidden,
        },
    )  # fmt: skip

    assert said(api.declarations[0].lines) == {
        "read": "read=anyone,",
        "write": "write=signed_in",
        "fields": "fields={",
        "fields.secret": '"secret": FieldRules(',
        "fields.owner_id": '"owner_id": hidden,',
    }


def test_a_function_that_declares_says_what_it_says_itself():
    api = Meze()
    closed_for_most(api, Trip, update=signed_in)

    assert said(api.declarations[0].lines) == {"read": 'read=role("editor"),'}


def test_the_source_may_be_missing():
    api = Meze()
    exec("api.resource(Trip, read=anyone)", {"api": api, "Trip": Trip, "anyone": anyone})  # noqa: S102 - a program without a file

    assert api.declarations[0].lines == {}
