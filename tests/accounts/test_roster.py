"""Everybody is listed, however many there are, and no transaction is held while somebody reads the list."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import MetaData, insert

from meze.accounts.roster import PAGE, everyone
from meze.accounts.storage import Storage
from meze.accounts.tables import User
from meze.databases.own import add_tables


@pytest.fixture
def storage(database):
    metadata = MetaData()
    add_tables(metadata)
    metadata.create_all(database.engine)
    return Storage(database)


def add(database, *people):
    with database.engine.begin() as connection:
        connection.execute(
            insert(User.__table__),
            [
                {"email": f"{at}@example.com", "email_canonical": f"{at}@example.com", **person}
                for at, person in enumerate(people)
            ],
        )


def test_everybody_is_listed_once_by_id_over_many_pages(database, storage):
    add(database, *({"name": f"Number {at}"} for at in range(2 * PAGE + 1)))

    ids = [person.id for person in everyone(storage)]

    assert len(ids) == 2 * PAGE + 1
    assert ids == sorted(set(ids))


def test_who_signs_up_while_the_list_is_read_is_listed_too(database, storage):
    add(database, *({} for _ in range(PAGE)))
    reading = everyone(storage)
    first = next(reading)

    with storage.writing() as work:
        work.add(
            User.__table__,
            email="late@example.com",
            email_canonical="late@example.com",
            created_at=datetime.now(UTC),
            roles=[],
            email_verified=False,
            disabled=False,
        )

    assert first.id == 1
    assert [person.email for person in reading][-1] == "late@example.com"


@pytest.mark.parametrize("role", ["editor", "Editor", "edit%", "éditeur", "编辑", 'a"b', "b"])
def test_a_role_is_found_by_its_exact_name(database, storage, role):
    add(
        database,
        *({"roles": [name]} for name in ["editor", "Editor", "edit%", "éditeur", "编辑", 'a"b', "b"]),
        {"roles": []},
    )

    assert [person.roles for person in everyone(storage, role)] == [[role]]


def test_a_person_is_shown_with_nothing_secret(database, storage):
    add(database, {"name": "Anna", "roles": ["b", "a"], "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)})

    shown = next(everyone(storage)).as_json()

    assert json.loads(json.dumps(shown)) == {
        "id": 1,
        "email": "0@example.com",
        "name": "Anna",
        "roles": ["a", "b"],
        "email_verified": False,
        "disabled": False,
        "created_at": "2026-01-02T03:04:05Z",
    }
