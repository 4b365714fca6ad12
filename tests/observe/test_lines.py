"""Lines of the log are written many at a time, in order, and none is left behind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from meze.events import Events, RequestAnswered, RequestFailed
from meze.observe import RequestLog
from meze.observe.lines import UNDIVIDED_BYTES, Lines

PATIENCE_SECONDS = 10


class Stream(io.StringIO):
    """Remembers what was written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return super().write(text)


def wait_until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_lines_are_written_within_a_moment_and_in_order() -> None:
    stream = Stream()
    lines = Lines(stream)
    lines.later = True
    for number in range(50):
        lines.add(b"%d" % number)

    wait_until(lambda: stream.getvalue().count("\n") == 50)
    assert stream.getvalue().split() == [str(number) for number in range(50)]
    assert len(stream.pieces) < 50
    lines.add(b"later")
    wait_until(lambda: stream.getvalue().endswith("later\n"))


def test_outside_of_a_server_each_line_is_written_at_once() -> None:
    stream = Stream()
    lines = Lines(stream)
    lines.add(b"first")
    lines.add(b"second")

    assert stream.pieces == ["first\n", "second\n"]


def test_a_pipe_gets_no_more_at_once_than_stays_together() -> None:
    stream = Stream()
    lines = Lines(stream)
    lines.later = True
    for _ in range(100):
        lines.add(b"x" * 300)
    lines.add(b"y" * 10_000)
    lines.write()

    assert max(len(piece) for piece in stream.pieces if "y" not in piece) <= UNDIVIDED_BYTES
    assert all(piece.endswith("\n") for piece in stream.pieces)
    assert sum(piece.count("\n") for piece in stream.pieces) == 101


def test_an_error_is_written_at_once_behind_what_came_before_it() -> None:
    stream, events = io.StringIO(), Events()
    log = RequestLog(stream, human=False)
    log.write_later()
    log.subscribe_to(events)
    events.publish(RequestAnswered("GET", "/first", 200, 1.0, "01J"))
    events.publish(RequestAnswered("GET", "/broken", 503, 1.0, "01J"))
    assert [line.count("/first") + 2 * line.count("/broken") for line in stream.getvalue().splitlines()] == [1, 2]

    events.publish(RequestAnswered("GET", "/third", 200, 1.0, "01J"))
    events.publish(RequestFailed("GET", "/worse", "01J", ValueError("no")))
    assert [line.count("/third") + 2 * line.count("/worse") for line in stream.getvalue().splitlines()[2:]] == [1, 2]


def test_a_log_that_cannot_be_written_refuses_nobody() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    stream.close()
    lines.add(b"lost")
    lines.write()
    lines.add(b"lost as well")
    lines.write()


def test_a_forked_process_writes_its_own_lines_alone(tmp_path: Path) -> None:
    with (tmp_path / "log").open("a") as stream:
        lines = Lines(stream)
        lines.later = True
        lines.add(b"parent's")
        child = os.fork()
        if child == 0:
            lines.add(b"child's")
            lines.write()
            os._exit(0)
        os.waitpid(child, 0)
        lines.write()
    assert sorted((tmp_path / "log").read_text().split()) == ["child's", "parent's"]


def test_the_last_lines_are_written_when_the_process_ends() -> None:
    program = (
        "import sys\nfrom meze.observe.lines import Lines\n"
        "lines = Lines(sys.stdout)\nlines.later = True\nlines.add(b'last')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "last\n"


def test_the_last_lines_of_a_worker_are_written_when_it_ends() -> None:
    program = (
        "import multiprocessing, sys\n"
        "from meze.observe.lines import Lines\n"
        "def work():\n    keep(Lines(sys.stdout))\n"
        "kept = []\n"
        "def keep(lines):\n    kept.append(lines)\n    lines.later = True\n    lines.add(b'of the worker')\n"
        "process = multiprocessing.get_context('fork').Process(target=work)\n"
        "process.start()\nprocess.join()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "of the worker\n"
