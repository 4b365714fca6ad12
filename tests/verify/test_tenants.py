"""Tenants, judged from what was declared, beside what the served program shows."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

from meze.installation import Installation
from meze.verify.stage import staged

STUDIO = Path(__file__).parents[2] / "examples" / "studio" / "app.py"


def studio(database_url: str) -> Installation:
    """Return the example, imported anew and pointed at a database."""
    spec = importlib.util.spec_from_file_location("studio_on_stage", STUDIO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where SQLAlchemy looks up what annotations name
    spec.loader.exec_module(module)
    installed = module.app.extensions["meze"]
    assert isinstance(installed, Installation)
    installed.instead(replace(installed.settings, database_url=database_url))
    return installed


def test_members_see_what_the_judge_says_and_no_other_tenant(database_url: str) -> None:
    with staged(studio(database_url)) as stage:
        app: Any = stage.wsgi
        assert isinstance(app, Flask)
        client, seen = app.test_client(use_cookies=False), {}
        for resource in stage.resources.served:
            for actor in stage.actors:
                url = f"{stage.prefix}/{resource.name}?limit=100"
                listed = client.get(url, headers=dict(actor.headers)).get_json()
                judged = [row["id"] for row in stage.judge.visible(actor, resource)]
                seen[resource.name, actor.name] = len(judged)

                assert [row["id"] for row in listed.get("items", ())] == judged, (resource, actor)
        studios = stage.resources.named("studios")
        assert studios is not None
        everything = len(stage.world.of(studios))

        assert 0 < seen["studios", "alice"] < everything
        assert seen["studios", "admin"] == everything
        assert seen["studios", "nobody"] == 0


def test_every_role_of_a_member_is_met(database_url: str) -> None:
    with staged(studio(database_url)) as stage:
        tasks, studios = stage.resources.named("tasks"), stage.resources.named("studios")
        assert tasks is not None
        assert studios is not None
        alice = stage.actor("alice")
        may = {stage.judge.allows(alice, "update", tasks, row) for row in stage.judge.visible(alice, tasks)}
        owned = {stage.judge.allows(alice, "delete", studios, row) for row in stage.judge.visible(alice, studios)}

        assert may == {True, False}
        assert owned == {True, False}
