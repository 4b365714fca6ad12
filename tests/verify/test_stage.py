"""The stage of a run: an app on a database of its own, callers that are who they are, and rows that come back."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, delete, insert, inspect, text, update

from meze import Caller, Meze, anyone, me, role, signed_in
from meze.databases import open_database
from meze.errors import Mistake
from meze.installation import Installation
from meze.verify import place
from meze.verify.callers import Actor
from meze.verify.place import temporary_database
from meze.verify.stage import Stage, staged
from verify.schema import Animal, Base, Cat, Place, Stop, Tag, Ticket

SECRET = "only-for-tests-and-long-enough-to-be-accepted"


def make(url: str, folder: Path, **arguments: Any) -> Installation:
    """Return an app with rules of several kinds, installed and not opened."""
    app = Flask("staged", instance_path=str(folder / "instance"))
    api = Meze(app, Base, roles=("editor", "guest"), settings={"database_url": url, "secret_key": SECRET}, **arguments)
    mine = signed_in & (Place.owner_id == me.id)
    api.resource(Place, read=Place.open.is_(True) | mine, write=mine, owner="owner_id")
    api.resource(Stop, read=Stop.place.has(Place.open.is_(True) | mine), write=Stop.place.has(mine))
    api.resource(Tag, read=anyone, write=role("editor"))
    api.resource(Animal, read=role("guest"))
    api.resource(Cat, name="cats", read=anyone)
    installed = app.extensions["meze"]
    assert isinstance(installed, Installation)
    return installed


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(make(database_url, tmp_path)) as made:
        yield made


def asked(stage: Stage, actor: Actor, path: str) -> Any:
    installed = stage.wsgi
    assert isinstance(installed, Flask)
    answer = installed.test_client(use_cookies=False).get(f"{stage.prefix}{path}", headers=dict(actor.headers))
    return answer.get_json()


def test_callers_of_every_kind_are_who_the_stage_says(stage: Stage) -> None:
    assert [actor.name for actor in stage.actors] == [
        "nobody",
        "alice",
        "bob",
        "role editor",
        "role guest",
        "all roles",
        "admin",
        "unverified",
        "alice's key: read",
        "alice's key: write",
        "alice's key: places:read",
        "admin's key: write",
    ]
    assert stage.accounts is not None
    for actor in stage.actors[1:]:
        known = stage.accounts.sessions.caller_of(actor.headers["Authorization"].removeprefix("Bearer "))
        said = actor.caller

        assert (known.id, known.email, known.roles, known.key) == (said.id, said.email, said.roles, said.key)
        assert known.scopes == said.scopes
    assert stage.actor("unverified").caller.email is None


def test_the_judge_sees_what_a_list_shows(stage: Stage) -> None:
    for resource in stage.resources.served:
        for actor in stage.actors:
            listed = asked(stage, actor, f"/{resource.name}?limit=100")
            visible = stage.judge.visible(actor, resource)

            if stage.judge.settled(actor, "read", resource) is False:
                assert listed["status"] in (401, 403)
            else:
                assert len(listed["items"]) == len(visible), (resource, actor)
    counts = {len(stage.judge.visible(actor, stage.resources.of(Place))) for actor in stage.actors}  # type: ignore[arg-type]  # it is a resource
    assert len(counts) > 3


def test_kinds_of_a_hierarchy_are_apart(stage: Stage) -> None:
    cats, animals = stage.resources.named("cats"), stage.resources.named("animals")
    assert cats is not None
    assert animals is not None

    assert 0 < len(stage.world.of(cats)) < len(stage.world.of(animals))
    assert {row["kind"] for row in stage.world.of(cats)} == {"cat"}


def test_rows_and_tokens_come_back(stage: Stage) -> None:
    places, alice = Place.__table__, stage.actor("alice")
    with stage.database.engine.begin() as connection:
        users = stage.resources.named("users")
        assert users is not None
        connection.execute(update(places).values(name="gone", parent_id=None))
        connection.execute(insert(places).values(code="zz"))
        connection.execute(delete(Ticket.__table__))
        connection.execute(delete(Stop.__table__))
        connection.execute(update(users.table).where(users.table.c.id == alice.caller.id).values(disabled=True))

    changed = stage.restore()

    assert {change.table.name for change in changed} == {"places", "stops", "tickets", "meze_users"}
    assert stage.changes() == ()
    assert asked(stage, alice, "/auth/me")["id"] == alice.caller.id


def test_a_user_who_was_deleted_can_call_again(stage: Stage) -> None:
    alice = stage.actor("alice")
    users = stage.resources.named("users")
    assert users is not None
    assert asked(stage, alice, "/auth/me")["id"] == alice.caller.id
    with stage.database.engine.begin() as connection:
        for each in (Ticket, Stop):
            connection.execute(delete(each.__table__))
        connection.execute(update(Place.__table__).values(parent_id=None))
        connection.execute(delete(users.table).where(users.table.c.id == alice.caller.id))

    assert stage.restore()

    assert stage.changes() == ()
    for actor in stage.actors[1:]:
        assert asked(stage, actor, "/auth/me")["id"] == actor.caller.id


def test_rows_that_swapped_a_unique_value_come_back(stage: Stage) -> None:
    places = Place.__table__
    one, other = stage.world.rows(places)[:2]  # type: ignore[arg-type]  # it is a Table
    with stage.database.engine.begin() as connection:
        for key, code in ((one["id"], "~~"), (other["id"], one["code"]), (one["id"], other["code"])):
            connection.execute(update(places).where(places.c.id == key).values(code=code))

    assert len(stage.restore()) == 2
    assert stage.changes() == ()


def test_nothing_of_the_users_own_is_touched_and_nothing_stays(database_url: str, tmp_path: Path) -> None:
    installed = make(database_url, tmp_path)
    with contextlib.suppress(ZeroDivisionError), staged(installed) as stage:
        assert stage.database.engine.url.database != create_engine(database_url).url.database
        raise ZeroDivisionError
    if database_url.startswith("sqlite"):
        assert not (tmp_path / "meze.db").exists()
        return
    own = open_database(database_url)
    assert inspect(own.engine).get_table_names() == []
    with own.engine.connect() as connection:
        left = connection.execute(text("SELECT datname FROM pg_database WHERE datname LIKE 'meze_verify_%'"))
        assert list(left) == []
    own.close()


def test_a_given_database_is_used_and_left_empty(database_url: str, tmp_path: Path) -> None:
    installed = make("sqlite:///elsewhere.db", tmp_path)
    with staged(installed, database_url=database_url) as stage:
        assert stage.settings.database_url == database_url
        assert stage.world.rows(Place.__table__)  # type: ignore[arg-type]  # it is a Table

    after = open_database(database_url)
    assert inspect(after.engine).get_table_names() == []
    after.close()


def test_a_given_database_with_tables_is_refused(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url)
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE precious (id INTEGER PRIMARY KEY)"))

    with pytest.raises(Mistake, match="precious"), staged(make(database_url, tmp_path), database_url=database_url):
        pass

    assert inspect(database.engine).get_table_names() == ["precious"]
    database.close()


def test_a_given_database_with_views_alone_is_refused(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url)
    with database.engine.begin() as connection:
        connection.execute(text("CREATE VIEW precious AS SELECT 1 AS one"))

    with pytest.raises(Mistake, match="the view precious"), temporary_database(database_url, database_url, tmp_path):
        pass

    assert inspect(database.engine).get_view_names() == ["precious"]
    database.close()


def test_nothing_stays_where_one_is_ended_while_the_database_is_made(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = open_database(postgresql_url)
    maintaining = place._maintaining

    @contextlib.contextmanager
    def ended(engine: Engine) -> Iterator[Connection]:
        with maintaining(engine) as connection:
            yield connection
            if is_there() and not ends:
                ends.append(True)
                raise KeyboardInterrupt

    def is_there() -> bool:
        with own.engine.connect() as connection:
            named = text("SELECT 1 FROM pg_database WHERE datname = :name")
            return connection.execute(named, {"name": f"meze_verify_{known}"}).first() is not None

    ends: list[bool] = []
    known = secrets.token_hex(6)  # other tests make theirs on the same server
    monkeypatch.setattr(place.secrets, "token_hex", lambda _: known)
    monkeypatch.setattr(place, "_maintaining", ended)
    with pytest.raises(KeyboardInterrupt), temporary_database(postgresql_url, None, tmp_path):
        pass

    assert ends
    assert not is_there()
    own.close()


def test_an_app_that_has_opened_its_database_is_refused(tmp_path: Path) -> None:
    installed = make(f"sqlite:///{tmp_path / 'own.db'}", tmp_path)
    installed.seal()

    with pytest.raises(Mistake, match="while it is loaded"), staged(installed):
        pass


def test_where_the_app_identifies_callers_only_nobody_is_tried(tmp_path: Path) -> None:
    installed = make(f"sqlite:///{tmp_path / 'own.db'}", tmp_path, identify=lambda _: Caller())

    with staged(installed) as stage:
        assert [actor.name for actor in stage.actors] == ["nobody"]
        assert "identify=" in stage.notices[0]
        assert stage.unfilled == {}


def test_the_same_seed_gives_the_same_world(tmp_path: Path) -> None:
    def made(seed: int) -> list[dict[str, Any]]:
        with staged(make(f"sqlite:///{tmp_path / 'own.db'}", tmp_path), seed=seed) as stage:
            known = [row for row in stage.world if not row.table.name.startswith(("meze_", "tickets"))]
            return [dict(row.values) for row in known]

    assert made(1) == made(1)
