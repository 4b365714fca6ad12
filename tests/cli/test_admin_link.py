"""`meze serve --dev` shows a link for the first admin: once, while there has never been one, and nowhere else."""

import re

import pytest

LINK = re.compile(
    r"^  First admin    (\S+)/account/first-admin#token=(meze_admin_\w+)  \(good once, for an hour\)$", re.M
)
ANNA = {"email": "anna@example.com", "password": "otters read at night"}


def test_the_link_makes_the_first_admin_and_is_not_shown_again(staff_anywhere):
    with staff_anywhere.serving("--dev") as server:
        [(base, token)] = LINK.findall(server.said())
        status, signed_in = server.send("POST", "/api/v1/auth/first-admin", {"token": token, **ANNA})
        again, _ = server.send("POST", "/api/v1/auth/first-admin", {"token": token, **ANNA, "email": "b@example.com"})

        assert base == server.url
        assert (status, signed_in["user"]["roles"]) == (201, ["admin"])
        assert again == 422
    with staff_anywhere.serving("--dev") as server:
        assert LINK.findall(server.said()) == []


def test_a_link_that_nobody_used_is_not_shown_at_every_reload_but_at_the_next_start(staff):
    with staff.serving("--dev") as server:
        staff.write((staff.folder / "app.py").read_text().replace("first", "second"))
        said = server.wait_for_words("Reloaded.")
        first = LINK.findall(said)
    with staff.serving("--dev") as server:
        second = LINK.findall(server.said())

    assert len(first) == len(second) == 1
    assert first[0][1] != second[0][1]


def test_several_workers_show_one_link(staff):
    with staff.serving("--dev", "--workers", "3") as server:
        said = server.wait_for(lambda: server.said().count("Reloaded.") == 2 and server.said())

    assert len(LINK.findall(said)) == 1


def test_no_link_once_there_was_an_admin(staff):
    for email in ("anna@example.com", "ben@example.com"):
        given = f"{ANNA['password']}\n"
        assert staff.run("user", "create", email, "--role", "admin", "--password-stdin", given=given).returncode == 0

    with staff.serving("--dev") as server:
        assert LINK.findall(server.said()) == []


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="without-dev"),
        pytest.param(
            {
                "MEZE_ENV": "production",
                "MEZE_PUBLIC_URL": "https://notes.example",
                "MEZE_REGISTRATION": "closed",
                "MEZE_PASSWORD_HASHING": "m=19456,t=2,p=1",
            },
            id="production",
        ),
    ],
)
def test_only_dev_shows_a_link(staff, environ):
    staff.environ |= environ

    with staff.serving() as server:
        assert "/account/first-admin" not in server.said()


def test_a_database_that_is_away_shows_none(project):
    project.environ["DATABASE_URL"] = "postgresql://ann:hunter2@127.0.0.1:1/notes"

    with project.serving("--dev") as server:
        assert "the database cannot be reached" in server.said()
        assert "First admin" not in server.said()


def test_an_app_that_tells_by_itself_who_calls_shows_none(staff):
    source = (staff.folder / "app.py").read_text().replace("import Meze,", "import Caller, Meze,")
    staff.write(source.replace("Meze(app, Base", "Meze(app, Base, identify=lambda request: Caller(id=1)"))
    with staff.serving("--dev") as server:
        assert "First admin" not in server.said()


def test_mail_leaves_while_the_server_runs_though_no_request_needs_it(staff):
    staff.run("user", "create", "anna@example.com", "--password-stdin", given=f"{ANNA['password']}\n")
    with staff.serving("--dev") as server:
        assert server.send("POST", "/api/v1/auth/password/forgot", {"email": ANNA["email"]})[0] == 202
        said = server.wait_for_words("/account/reset#token=meze_reset_")

    assert "Mail to anna@example.com" in said
