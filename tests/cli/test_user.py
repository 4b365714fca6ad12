"""`meze user` as a process: whoever has the shell looks after accounts, and is told why something is refused."""

import contextlib
import json
import sqlite3

import pytest
from sqlalchemy import select

from meze.accounts.keyring import Keyring
from meze.accounts.methods.one_time_code import PURPOSE
from meze.accounts.tables import OUTBOX
from meze.databases import open_database

PASSWORD = "otters read at night"
LINK = "/account/reset#token=meze_reset_"


def create(project, email, *words, given=PASSWORD):
    done = project.run("user", "create", email, "--password-stdin", *words, given=f"{given}\n")
    assert done.returncode == 0, done.stderr
    return done


def people(project, *words):
    done = project.run("user", "list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done, cause, remedy):
    """Check that a command failed with one cause and one remedy, and printed nothing."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert cause in done.stderr
    assert done.stderr.count("→") == 1
    assert remedy in done.stderr.partition("→")[2]
    assert "Traceback" not in done.stderr
    return True


@contextlib.contextmanager
def database_of(project):
    with contextlib.closing(sqlite3.connect(project.folder / "instance" / "meze.db")) as database, database:
        yield database


def change_database(project, statement, *values):
    with database_of(project) as database:
        database.execute(statement, values)


def test_accounts_are_made_listed_and_sign_in(staff_anywhere):
    anna = create(staff_anywhere, "anna@example.com", "--role", "admin", "--name", "Anna")
    ben = create(staff_anywhere, "ben@example.com", "--role", "editor", "--json")

    shown = json.loads(ben.stdout)
    listed = people(staff_anywhere)
    assert anna.stdout == "1  anna@example.com\n"
    assert (shown["id"], shown["email"], shown["roles"], shown["email_verified"]) == (
        2,
        "ben@example.com",
        ["editor"],
        True,
    )
    assert [(each["id"], each["name"], each["roles"], each["disabled"]) for each in listed] == [
        (1, "Anna", ["admin"], False),
        (2, None, ["editor"], False),
    ]
    assert listed[1]["created_at"] == shown["created_at"]
    assert listed[1]["created_at"].endswith("Z")
    with staff_anywhere.serving() as server:
        status, signed_in = server.send(
            "POST", "/api/v1/auth/login", {"email": "ben@example.com", "password": PASSWORD}
        )
    assert (status, signed_in["user"]) == (200, shown)
    assert PASSWORD not in anna.stdout + anna.stderr + ben.stdout + ben.stderr


def test_what_is_changed_holds_in_a_server_that_runs_within_a_second(staff):
    create(staff, "ben@example.com")
    login = {"email": "ben@example.com", "password": PASSWORD}
    with staff.serving() as server:

        def signed_in():
            return server.send("POST", "/api/v1/auth/login", login)[1]["access_token"]

        def me(token):
            return server.send("GET", "/api/v1/auth/me", token=token)

        token = signed_in()
        assert me(token)[1]["roles"] == []

        role = staff.run("user", "role", "ben@example.com", "--add", "editor")
        server.wait_for(lambda: me(token)[1]["roles"] == ["editor"], seconds=1.5)

        out = staff.run("user", "sign-out", "BEN@example.com")
        server.wait_for(lambda: me(token)[1].get("code") == "token_revoked", seconds=1.5)

        token = signed_in()
        assert me(token)[0] == 200
        disabled = staff.run("user", "disable", "ben@example.com")
        server.wait_for(lambda: me(token)[0] == 401, seconds=1.5)
        assert server.send("POST", "/api/v1/auth/login", login)[1]["code"] == "bad_credentials"

        enabled = staff.run("user", "enable", "ben@example.com")
        assert me(signed_in())[0] == 200
    assert role.stdout == "editor\n"
    assert "within a second" in out.stdout
    assert "within a second" in disabled.stdout
    assert (disabled.returncode, enabled.returncode) == (0, 0)


def test_without_a_password_a_link_is_mailed_before_the_command_ends(staff):
    done = staff.run("user", "create", "anna@example.com")

    letters = list((staff.folder / "instance" / "mail").glob("*.eml"))
    assert (done.returncode, done.stdout) == (0, "1  anna@example.com\n")
    assert len(letters) == 1
    assert "To: anna@example.com" in letters[0].read_text()
    assert LINK in done.stderr
    database = open_database(staff.environ["DATABASE_URL"])
    with contextlib.closing(database), database.engine.connect() as connection:
        assert connection.execute(select(OUTBOX.c.id)).all() == []
    token = done.stderr.partition("#token=")[2].split()[0]
    with staff.serving() as server:
        assert server.send("POST", "/api/v1/auth/password/reset", {"token": token, "new_password": PASSWORD})[0] == 204
        assert server.send("POST", "/api/v1/auth/login", {"email": "anna@example.com", "password": PASSWORD})[0] == 200


def test_everything_that_is_wrong_with_a_password_is_said(staff):
    done = staff.run("user", "create", "anna@example.com", "--password-stdin", given="password1\n")

    assert refused(done, "At least 15 characters.", "four words")
    assert done.stderr.index("At least 15") < done.stderr.index("→")
    assert len(done.stderr.partition("→")[0].split(". ")) > 1
    assert "password1" not in done.stderr
    assert people(staff) == []


def test_a_password_is_the_whole_first_line_and_nothing_else(staff):
    spaced = f"  {PASSWORD}\t "
    create(staff, "anna@example.com", given=f"{spaced}\r\nanother line")

    with staff.serving() as server:

        def status(password):
            return server.send("POST", "/api/v1/auth/login", {"email": "anna@example.com", "password": password})[0]

        assert status(spaced) == 200
        assert status(PASSWORD) == 401


@pytest.mark.parametrize(
    ("words", "cause", "remedy"),
    [
        pytest.param(["anna"], "'anna' is no e-mail address", "anna@example.com", id="no-address"),
        pytest.param(["a@example.com\n"], "is no e-mail address", "anna@example.com", id="line-break"),
        pytest.param(["a@example.com", "--role", "boss"], "'boss' is not declared", "admin, editor", id="no-such-role"),
        pytest.param(["a@example.com", "--name", "\x1b[2J"], "name cannot be used", "printed", id="name-of-escapes"),
        pytest.param(["a@example.com", "--name", "n" * 201], "name cannot be used", "200", id="name-too-long"),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_words(staff, words, cause, remedy):
    done = staff.run("user", "create", *words)

    assert refused(done, cause, remedy)
    assert "\x1b" not in done.stderr
    assert people(staff) == []


def test_an_address_has_one_account_in_whatever_spelling(staff):
    create(staff, "anna@example.com")

    done = staff.run("user", "create", "ANNA@Example.com", "--password-stdin", given=PASSWORD)

    assert refused(done, "There is an account ANNA@example.com already", "meze user role")


def test_a_password_that_is_not_text_is_refused(staff):
    done = staff.run("user", "create", "anna@example.com", "--password-stdin", given="\udcff")

    assert refused(done, "not UTF-8", "UTF-8")


def test_production_without_a_mail_server_makes_no_account_that_nobody_can_open(staff):
    staff.environ |= {
        "MEZE_ENV": "production",
        "MEZE_PUBLIC_URL": "https://notes.example",
        "MEZE_REGISTRATION": "closed",
        "MEZE_PASSWORD_HASHING": "m=19456,t=2,p=1",
    }

    without = staff.run("user", "create", "anna@example.com")
    reset = staff.run("user", "reset", "anna@example.com")

    for done in (without, reset):
        assert refused(done, "MEZE_SMTP_URL is not set", "--password-stdin")
    create(staff, "anna@example.com", "--role", "admin")


def test_a_list_is_read_by_people_and_shows_no_escapes(staff):
    nobody = staff.run("user", "list")
    create(staff, "anna@example.com", "--role", "admin")
    create(staff, "ben@example.com")
    change_database(staff, "UPDATE meze_users SET name = ?, disabled = 1 WHERE id = 2", "Ben\x1b[2J\nroot")

    listed = staff.run("user", "list")

    lines = [line.split() for line in listed.stdout.splitlines()]
    assert nobody.stdout == "Nobody.\n"
    assert lines[0] == ["ID", "EMAIL", "CREATED", "STATE", "ROLES", "NAME"]
    assert (lines[1][:2], lines[1][3:]) == (["1", "anna@example.com"], ["verified", "admin"])
    assert (lines[2][:2], lines[2][3:]) == (["2", "ben@example.com"], ["disabled", "Ben\ufffd[2J\ufffdroot"])
    assert people(staff)[1]["name"] == "Ben\x1b[2J\nroot"


def test_those_with_a_role_are_listed(staff):
    create(staff, "anna@example.com", "--role", "admin", "--role", "editor")
    create(staff, "ben@example.com", "--role", "editor")
    create(staff, "cleo@example.com")

    assert [each["id"] for each in people(staff, "--role", "admin")] == [1]
    assert [each["id"] for each in people(staff, "--role", "editor")] == [1, 2]
    assert refused(staff.run("user", "list", "--role", "boss"), "'boss' is not declared", "editor")


def test_roles_are_shown_given_and_taken_away(staff):
    create(staff, "anna@example.com", "--role", "admin")

    before = staff.run("user", "role", "anna@example.com")
    given = staff.run("user", "role", "anna@example.com", "--add", "editor", "--add", "editor")
    create(staff, "ben@example.com", "--role", "admin")
    taken = staff.run("user", "role", "anna@example.com", "--remove", "admin", "--remove", "editor", "--json")
    without = staff.run("user", "role", "anna@example.com")

    assert before.stdout == "admin\n"
    assert given.stdout == "admin editor\n"
    assert json.loads(taken.stdout)["roles"] == []
    assert without.stdout == "no roles\n"
    unknown = staff.run("user", "role", "anna@example.com", "--add", "boss")
    assert refused(unknown, "'boss' is not declared", "admin, editor")


def test_the_last_enabled_admin_stays(staff_anywhere):
    create(staff_anywhere, "anna@example.com", "--role", "admin")
    create(staff_anywhere, "ben@example.com", "--role", "admin")
    assert staff_anywhere.run("user", "disable", "ben@example.com").returncode == 0

    for command, *words in (("role", "--remove", "admin"), ("disable",), ("delete", "--yes")):
        done = staff_anywhere.run("user", command, "anna@example.com", *words)
        assert refused(done, "anna@example.com is the last enabled admin.", "--add admin")

    assert [(each["roles"], each["disabled"]) for each in people(staff_anywhere)] == [
        (["admin"], False),
        (["admin"], True),
    ]


def test_a_role_that_is_no_longer_declared_can_only_be_taken_away(staff):
    create(staff, "anna@example.com")
    change_database(staff, "UPDATE meze_users SET roles = ?", '["boss"]')

    kept = staff.run("user", "role", "anna@example.com", "--add", "editor")
    taken = staff.run("user", "role", "anna@example.com", "--add", "editor", "--remove", "boss")

    assert refused(kept, "'boss', which is no longer declared", "--remove boss")
    assert taken.stdout == "editor\n"


@pytest.mark.parametrize("command", ["role", "disable", "enable", "sign-out", "reset", "delete"])
def test_who_is_not_there_is_said_not_to_be(staff, command):
    done = staff.run("user", command, "nobody@example.com")

    assert refused(done, "There is no account nobody@example.com.", "meze user list")


def test_an_account_is_deleted_once_it_is_meant(staff):
    create(staff, "anna@example.com")
    create(staff, "ben@example.com")

    asked = staff.run("user", "delete", "ben@example.com", given="y\n")
    code, printed, shown = staff.run_on_terminal("user", "delete", "ben@example.com", answers={"good?": "n"})
    kept = people(staff)
    done = staff.run_on_terminal("user", "delete", "ben@example.com", answers={"good?": "y"})
    meant = staff.run("user", "delete", "anna@example.com", "--yes")
    create(staff, "ben@example.com")

    assert refused(asked, "nobody is at a terminal", "--yes")
    assert (code, printed) == (1, "")
    assert "Delete ben@example.com for good?" in shown
    assert len(kept) == 2
    assert done[:2] == (0, "ben@example.com was deleted; it was number 2.\n")
    assert meant.returncode == 0
    assert [each["id"] for each in people(staff)] == [3]


def test_a_password_is_typed_twice_and_never_shown(staff):
    code, printed, shown = staff.run_on_terminal(
        "user", "create", "anna@example.com", answers={"Password": PASSWORD, "again": PASSWORD}
    )

    assert (code, printed) == (0, "1  anna@example.com\n")
    assert PASSWORD not in shown
    with staff.serving() as server:
        login = {"email": "anna@example.com", "password": PASSWORD}
        assert server.send("POST", "/api/v1/auth/login", login)[0] == 200


def test_two_passwords_that_differ_make_no_account(staff):
    code, printed, shown = staff.run_on_terminal(
        "user", "create", "anna@example.com", answers={"Password": PASSWORD, "again": PASSWORD.upper()}
    )

    assert (code, printed) == (1, "")
    assert "The two passwords differ." in shown
    assert PASSWORD.upper() not in shown
    assert people(staff) == []


def test_an_empty_password_on_a_terminal_means_a_link(staff):
    code, printed, shown = staff.run_on_terminal("user", "create", "anna@example.com", answers={"Password": ""})

    assert (code, printed) == (0, "1  anna@example.com\n")
    assert LINK in shown
    assert "again" not in shown


def test_a_link_to_set_a_new_password_is_mailed_to_who_may_sign_in(staff):
    create(staff, "anna@example.com")

    done = staff.run("user", "reset", "Anna@example.com")
    staff.run("user", "disable", "anna@example.com")
    disabled = staff.run("user", "reset", "anna@example.com")

    assert done.stdout == "A letter with a link to set a password goes to anna@example.com.\n"
    assert LINK in done.stderr
    assert refused(disabled, "anna@example.com is disabled.", "meze user enable")


COMMANDS = [
    ("user", "create", "anna@example.com"),
    ("user", "list"),
    ("user", "role", "anna@example.com"),
    ("user", "reencrypt"),
    ("token", "anna@example.com"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_tables_that_are_missing_are_said_to_be(project, words):
    assert refused(project.run(*words), "The database lacks", "meze db upgrade")


def test_tables_that_are_missing_in_postgresql_are_said_to_be(project, postgresql_url):
    project.environ["DATABASE_URL"] = postgresql_url

    assert refused(project.run("user", "list"), "The table meze_account_events is missing", "meze db upgrade")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_app_that_tells_by_itself_who_calls_has_no_accounts(project, words):
    source = (project.folder / "app.py").read_text().replace("import Meze,", "import Caller, Meze,")
    project.write(source.replace("Meze(app, Base", "Meze(app, Base, identify=lambda request: Caller(id=1)"))

    assert refused(project.run(*words), "identify=", "identify=")


def test_a_database_that_is_away_is_named(project):
    project.environ["DATABASE_URL"] = "postgresql://ann:hunter2@127.0.0.1:1/notes"

    assert refused(project.run("user", "list"), "ann:***@127.0.0.1:1/notes cannot be reached", "DATABASE_URL")


def test_the_same_stands_under_flask(staff):
    create(staff, "anna@example.com")

    done = staff.run("meze", "user", "list", "--json", command="flask")

    assert [each["email"] for each in json.loads(done.stdout)] == ["anna@example.com"]


def test_after_a_rotation_second_factors_are_encrypted_anew(staff):
    old, new, lost = (f"{word} kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gP" for word in ("old", "new", "lost"))
    create(staff, "anna@example.com")
    sealed = Keyring([old]).encrypt(PURPOSE, "JBSWY3DPEHPK3PXP")
    change_database(staff, "INSERT INTO meze_factors (user_id, secret, created_at) VALUES (1, ?, 0)", sealed)

    staff.environ |= {"SECRET_KEY": lost}
    refusal = staff.run("user", "reencrypt")
    staff.environ |= {"SECRET_KEY": new, "SECRET_KEY_FALLBACKS": old}
    done = staff.run("user", "reencrypt")
    del staff.environ["SECRET_KEY_FALLBACKS"]
    again = staff.run("user", "reencrypt")

    assert refused(refusal, "not known any more", "SECRET_KEY_FALLBACKS")
    assert done.stdout == "1 secret encrypted with the present SECRET_KEY.\n"
    assert again.returncode == 0


def test_the_cost_of_hashing_is_measured_unless_it_is_set(staff):
    fixed = staff.run("user", "tune-passwords")
    del staff.environ["MEZE_PASSWORD_HASHING"]
    done = staff.run("user", "tune-passwords")

    assert refused(fixed, "MEZE_PASSWORD_HASHING (environment)", "Take it out")
    assert done.stdout.startswith("m=")
    with database_of(staff) as database:
        [(stored,)] = database.execute("SELECT value FROM meze_facts WHERE name = 'password_cost'")
    assert json.loads(stored) == done.stdout.strip()
