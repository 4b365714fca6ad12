"""`meze.User` is one class for every Base of a process, and foreign keys to its table have a type."""

import pytest
from flask import Flask
from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import Meze, User, anyone

SETTINGS = {"database_url": "sqlite://", "secret_key": "a secret of more than thirty-two characters"}


@pytest.fixture
def app_with_owners():
    """Make apps whose models relate to users, and close their databases."""
    made = []

    def make():
        app, base = _app_with_owners()
        made.append(app.extensions["meze"])
        return app, base

    yield make
    for meze in made:
        meze.database.close()


def _app_with_owners() -> tuple[Flask, type]:
    class Base(DeclarativeBase):
        pass

    class Note(Base):
        __tablename__ = "notes"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
        owner: Mapped[User] = relationship(User)

    app = Flask(__name__)
    api = Meze(app, Base, settings=SETTINGS)
    api.resource(Note, read=anyone)
    return app, Base


def test_two_apps_of_one_process_relate_to_the_same_user(app_with_owners):
    for _ in range(2):
        app, base = app_with_owners()
        meze = app.extensions["meze"]
        base.metadata.create_all(meze.database.engine)
        with meze.database.engine.begin() as connection:
            connection.execute(User.__table__.insert(), {"id": 7, "email": "anna@example.com", "name": "Anna"})
            connection.execute(base.metadata.tables["notes"].insert(), {"owner_id": 7})

        answer = app.test_client().get("/api/v1/notes?expand=owner&owner__name=Anna")

        assert answer.json["items"] == [{"id": 1, "owner_id": 7, "owner": {"id": 7, "name": "Anna"}}]


def test_a_foreign_key_to_users_that_was_written_first_has_a_type(app_with_owners):
    _, base = app_with_owners()

    assert isinstance(base.metadata.tables["notes"].c.owner_id.type, Integer)


def test_an_address_of_a_user_is_not_to_be_asked_for(app_with_owners):
    app, base = app_with_owners()
    base.metadata.create_all(app.extensions["meze"].database.engine)
    client = app.test_client()

    hidden, missing = client.get("/api/v1/notes?owner__email=x"), client.get("/api/v1/notes?owner__nothing=x")

    assert (hidden.status_code, hidden.json["code"]) == (400, "unknown_field")
    assert (missing.status_code, missing.json["code"]) == (400, "unknown_field")
