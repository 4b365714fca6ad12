"""One line for each request: what it holds, and what it never holds."""

import io
import json

import pytest
import sqlalchemy

from meze.events import Events, RequestAnswered, RequestFailed
from meze.observe import RequestLog

LISTED = RequestAnswered(
    method="GET",
    route="/api/v1/cities",
    status=200,
    milliseconds=3.14159,
    request_id="01JABC",
    caller_id=7,
    rows=20,
    parameters=("country_code", "sort"),
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def written(event, stream=None, **options):
    stream = stream or io.StringIO()
    events, log = Events(), RequestLog(stream, **options)
    log.subscribe_to(events)
    events.publish(event)
    log.flush()
    return stream.getvalue()


def failure(error):
    try:
        raise error
    except type(error) as raised:
        return RequestFailed("POST", "/api/v1/trips", "01JABC", raised)


def test_a_request_is_one_line_of_json():
    line = written(LISTED)

    assert line.endswith("\n")
    assert line.count("\n") == 1
    told = json.loads(line)
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/api/v1/cities",
        "status": 200,
        "milliseconds": 3.14,
        "request_id": "01JABC",
        "caller": 7,
        "rows": 20,
        "parameters": ["country_code", "sort"],
    }


def test_what_is_not_known_is_left_out():
    told = json.loads(written(RequestAnswered("GET", "/", 404, 1.0, "01J", code="not_found")))

    assert told["code"] == "not_found"
    assert {"caller", "rows", "parameters"}.isdisjoint(told)


def test_a_server_error_has_the_level_error():
    assert json.loads(written(RequestAnswered("GET", "/", 503, 1.0, "01J")))["level"] == "error"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("artist__country", "artist__country", id="a-path"),
        pytest.param("a\r\nstatus=200", "?", id="a-line-break"),
        pytest.param("\x1b[2J", "?", id="a-terminal-command"),
        pytest.param("x" * 61, "?", id="too-long"),
        pytest.param("", "?", id="empty"),
    ],
)
def test_a_parameter_name_that_is_none_is_not_logged(name, shown):
    event = RequestAnswered("GET", "/", 400, 1.0, "01J", parameters=(name,))

    assert json.loads(written(event))["parameters"] == [shown]


def test_few_parameter_names_are_logged():
    event = RequestAnswered("GET", "/", 400, 1.0, "01J", parameters=("a",) * 1000)

    assert len(json.loads(written(event))["parameters"]) == 20


def test_a_terminal_gets_a_short_line():
    line = written(LISTED, Terminal())

    assert line[8:] == "  200  GET /api/v1/cities  3.1 ms  20 rows  ?country_code&sort  caller 7\n"


def test_a_short_line_says_one_row_the_code_and_the_id_of_an_error():
    event = RequestAnswered("GET", "/api/v1/cities/{key}", 503, 2.0, "01JABC", rows=1, code="unavailable")

    line = written(event, human=True)

    assert line[8:] == "  503  GET /api/v1/cities/{key}  2.0 ms  1 row  unavailable  01JABC\n"


def test_colours_are_only_written_when_asked_for():
    assert "\x1b[32m200\x1b[0m" in written(LISTED, human=True, colours=True)
    assert "\x1b" not in written(LISTED, human=True)


def test_nothing_that_a_client_wrote_can_begin_a_line():
    event = RequestAnswered("GET\n", "/a\r\n\x1b[31m城市", 200, 1.0, "01J")

    line = written(event, human=True)

    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "城市" in line


def test_an_unexpected_error_is_told_with_its_place():
    told = json.loads(written(failure(ValueError("no such plan"))))

    assert (told["error"], told["request_id"], told["level"]) == ("ValueError: no such plan", "01JABC", "error")
    assert any("test_request_log.py" in frame and "failure" in frame for frame in told["stack"])


def test_an_unexpected_error_at_a_terminal_has_one_frame_a_line():
    lines = written(failure(KeyError("x")), human=True).splitlines()

    assert lines[0][8:] == "  POST /api/v1/trips failed: KeyError: 'x'  (01JABC)"
    assert lines[1].startswith("    ")
    assert lines[1].endswith("failure")


def test_a_databases_error_is_told_without_the_row_that_it_quotes():
    error = sqlalchemy.exc.IntegrityError("INSERT INTO users", {"email": "ann@example.com"}, Exception("hunter2"))

    line = written(failure(error))

    assert "sqlalchemy.exc.IntegrityError" in line
    for quoted in ("ann@example.com", "hunter2", "INSERT"):
        assert quoted not in line
