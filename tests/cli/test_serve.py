"""`meze serve` as a process: what it says, what it refuses, and that nothing is dropped or left behind."""

import contextlib
import http.client
import os
import signal
import socket
import stat
import threading
import time
import urllib.error

import pytest

KEY = "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"
PRODUCTION = {
    "MEZE_ENV": "production",
    "SECRET_KEY": KEY,
    "MEZE_PUBLIC_URL": "https://notes.example",
    "MEZE_REGISTRATION": "closed",
}


def rewrite(project, before, after):
    source = (project.folder / "app.py").read_text()
    assert before in source
    project.write(source.replace(before, after))


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - not a file on a disk
        return file.read().rpartition(")")[2].split()[0] == "Z"
    return False


def raw(server, request):
    """Send bytes and return the status line and everything after it, as the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
    return answer


def test_dev_adds_the_tables_and_says_where_everything_is(project):
    with project.serving("--dev") as server:
        said = server.said()

        assert server.get("/version").startswith("first")
    assert "notes" in said.partition("Meze is serving")[0]
    assert f"{server.url}/api/v1  (development, 1 worker)" in said
    assert f"{server.url}/docs" in said
    assert f"sqlite:///{project.folder}/instance/meze.db" in said
    assert "Door           WSGI, the quick one" in said
    assert "Ctrl-C" in said
    assert "\x1b" not in said
    assert stat.S_IMODE((project.folder / "instance").stat().st_mode) == 0o700


def test_at_start_it_names_the_line_that_closed_the_quick_door(project):
    program = (project.folder / "app.py").read_text()
    project.write(program + "\n@app.before_request\ndef look():\n    pass\n")
    line = program.count("\n") + 2
    with project.serving("--dev") as server:
        said = server.said()

    assert f"Door           Flask: the quick one is closed by the before_request function look (app.py:{line})" in said


def test_without_dev_a_database_that_lacks_a_table_is_refused_and_then_served(project):
    refused = project.run("serve", "--port", "0")
    project.run("db", "upgrade")

    assert refused.returncode == 1
    assert "notes" in refused.stderr
    assert "meze db upgrade" in refused.stderr
    assert "Traceback" not in refused.stderr
    with project.serving() as server:
        assert server.get("/version").startswith("first")


def test_a_taken_port_is_one_line_and_a_remedy(project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        by_flag = project.run("serve", "--port", port)
        project.environ["PORT"] = port
        by_variable = project.run("serve")

    for done in (by_flag, by_variable):
        assert done.returncode == 1
        assert done.stderr == (f"Error: Port {port} on 127.0.0.1 is taken.\n  → Choose another with --port, or PORT.\n")


def test_two_servers_do_not_share_a_port(project):
    with project.serving("--dev") as server:
        assert project.run("serve", "--port", server.url.rpartition(":")[2]).returncode == 1


@pytest.mark.parametrize(
    ("words", "environ", "says"),
    [
        pytest.param(("--host", "0.0.0.0"), {}, "MEZE_ENV", id="reachable-and-no-environment"),  # noqa: S104 - refused
        pytest.param(("--dev",), PRODUCTION, "--dev", id="dev-in-production"),
        pytest.param((), PRODUCTION | {"SECRET_KEY": "short"}, "shorter than 32", id="weak-secret"),
        pytest.param((), PRODUCTION | {"SECRET_KEY": ""}, "SECRET_KEY is not set", id="no-secret"),
        pytest.param((), PRODUCTION | {"MEZE_PUBLIC_URL": ""}, "MEZE_PUBLIC_URL", id="no-public-url"),
        pytest.param((), PRODUCTION | {"FLASK_DEBUG": "1"}, "Debug", id="debug"),
        pytest.param(
            ("--host", "no.such.host.invalid"), {"MEZE_ENV": "development"}, "not an address", id="no-address"
        ),
        pytest.param(("--host", "203.0.113.9"), {"MEZE_ENV": "development"}, "cannot be listened on", id="not-ours"),
    ],
)
def test_what_cannot_go_well_is_refused(project, words, environ, says):
    project.environ |= environ

    done = project.run("serve", "--port", "0", *words)

    assert done.returncode == 1
    assert says in done.stderr
    assert "→" in done.stderr


def test_an_unknown_setting_in_the_environment_is_told_and_served(project):
    project.environ["MEZE_PAGE_LIMT"] = "5"

    with project.serving("--dev") as server:
        assert "Did you mean MEZE_PAGE_LIMIT?" in server.said()


def test_dev_reloads_keeps_waiting_while_broken_and_comes_back(project):
    with project.serving("--dev") as server:
        first = server.worker()
        rewrite(project, "first", "second")
        server.wait_for(lambda: server.get("/version").startswith("second"))
        assert is_gone(first)

        rewrite(project, "api.resource(Note", "api.resorce(Note")
        said = server.wait_for_words("Nothing is served until the next change.")
        assert "Did you mean resource?" in said
        with pytest.raises(urllib.error.URLError):
            server.get("/version")

        rewrite(project, "api.resorce(Note", "api.resource(Note")
        assert server.wait_for(lambda: server.get("/version")).startswith("second")
        assert server.process.poll() is None


def test_dev_adds_a_new_column_when_it_reloads(project):
    key = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    with project.serving("--dev") as server:
        rewrite(project, key, key + "    colour: Mapped[str | None]\n")

        server.wait_for_words("colour")
    assert project.run("db", "check").returncode == 0


def test_writes_into_the_instance_folder_do_not_reload(project):
    with project.serving("--dev") as server:
        first = server.worker()
        (project.folder / "instance" / "made.py").write_text("")
        (project.folder / "data.db").write_text("")
        time.sleep(1)

        assert server.worker() == first


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL], ids=lambda s: s.name)
def test_no_worker_outlives_the_server(project, ending):
    with project.serving("--dev") as server:
        worker = server.worker()

        server.process.send_signal(ending)
        code = server.process.wait(10)

        server.wait_for(lambda: is_gone(worker), seconds=10)
    assert code == (-signal.SIGKILL if ending is signal.SIGKILL else 0)


def test_what_was_begun_is_finished_at_the_end(project):
    with project.serving("--dev") as server:
        answers = []
        asking = threading.Thread(target=lambda: answers.append(server.get("/slow")))
        asking.start()
        time.sleep(0.3)
        server.process.terminate()
        asking.join()

    assert answers == ["slow"]


def get_as_clients_do(server, path):
    """Ask again where the connection was closed before a byte of an answer, as RFC 9110 §9.2.2 lets every client do.

    A worker that ends may have accepted a connection whose request it has not read.
    """
    try:
        return server.get(path)
    except (http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError):
        return server.get(path)


def test_a_reload_in_production_drops_nothing_and_needs_a_program_that_loads(project):
    project.run("db", "upgrade")
    project.environ |= PRODUCTION
    with project.serving("--workers", "2") as server:
        answers, over = [], threading.Event()

        def ask():
            while not over.is_set():
                answers.append(get_as_clients_do(server, "/version").split()[0])

        asking = threading.Thread(target=ask)
        asking.start()
        rewrite(project, "first", "second")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: answers[-50:] == ["second"] * 50, seconds=40)
        rewrite(project, "app = Flask", "app = Flusk")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_words("the running one stays")
        over.set()
        asking.join()

        assert set(answers) == {"first", "second"}
        assert server.get("/version").startswith("second")


def test_a_killed_worker_is_replaced(project):
    project.run("db", "upgrade")
    project.environ |= PRODUCTION
    with project.serving("--workers", "1") as server:
        first = server.worker()
        os.kill(first, signal.SIGKILL)

        assert server.wait_for(server.worker, seconds=5) != first


def test_a_server_whose_database_is_away_starts_and_says_so(project):
    project.environ["DATABASE_URL"] = "postgresql://ann:hunter2@127.0.0.1:1/notes"

    with project.serving() as server:
        assert "Warning: the database cannot be reached" in server.said()
        assert "hunter2" not in server.said()
        with pytest.raises(urllib.error.HTTPError) as answer:
            server.get("/api/v1/notes")
        answer.value.close()
        assert (answer.value.code, answer.value.headers["Retry-After"]) == (503, "1")
        assert server.get("/version").startswith("first")


def test_the_server_header_names_no_version(project):
    with project.serving("--dev") as server:
        answer = raw(server, b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").lower()

    assert answer.startswith(b"http/1.1 200")
    servers = [line for line in answer.split(b"\r\n") if line.startswith(b"server:")]
    assert not any(digit in line for line in servers for digit in b"0123456789")
    assert b"x-powered-by" not in answer


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        pytest.param(b"GET /?" + b"a" * 70_000 + b" HTTP/1.1", b"", b"414", id="longer-than-any-address"),
        pytest.param(b"GET / HTTP/1.1", b"X-A: " + b"a" * 400_000 + b"\r\n", b"431", id="headers-without-end"),
        pytest.param(b"GET / HTTP/1.1", b"X-A: a\r\n" * 200, b"431", id="two-hundred-headers"),
        pytest.param(b"HELLO", b"", b"400", id="no-http"),
        pytest.param(b"POST / HTTP/1.1", b"Content-Length: 1\r\nContent-Length: 2\r\n", b"400", id="two-lengths"),
    ],
)
def test_what_is_no_request_is_refused_with_an_empty_body(project, request_line, headers, status):
    with project.serving("--dev") as server:
        answer = raw(server, request_line + b"\r\nHost: localhost\r\n" + headers + b"Connection: close\r\n\r\n")

        assert server.get("/version").startswith("first")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert body == b""


def test_a_thousand_idle_connections_keep_nobody_out(project):
    with project.serving("--dev") as server, contextlib.ExitStack() as stack:
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(1000):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=5))

        assert server.get("/version", seconds=3).startswith("first")
