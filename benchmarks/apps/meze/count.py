"""Ask the app requests in this process, in phases that valgrind's callgrind counts one by one.

    valgrind --tool=callgrind --instr-atstart=no … python count.py CALLS_EACH PHASES NAME=FILE …

For each name the calls of its workload file are asked in `PHASES` phases of `CALLS_EACH`, after one more that warms
up; last comes the reference, work of Python's own that has nothing to do with Meze. Each phase is a dump of
callgrind's that bears its name. Nothing is counted before the app is open.
"""

import ctypes
import gc
import io
import json
import mmap
import sys
from collections.abc import Callable
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

from app import app

from meze.soon import Soon

PLACE = "NEWISBN_PLACE"
REFERENCE, WARM_UP = "reference", "warm-up"
REFERENCE_ROUNDS = 200

# A request to valgrind is a sequence of instructions without effect that it knows (valgrind.h, for x86-64): the address
# of six words in rax, the answer where nobody listens in rdx; four rotations of rdi, an exchange of rbx with itself;
# the answer in rdx.
REQUEST = bytes.fromhex("4889f8 4889f2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")
RUNNING_ON_VALGRIND = 0x1001
ZERO, DUMP, START = (ord("C") << 24 | ord("T") << 16 | number for number in (1, 3, 4))


class Valgrind:
    """Takes requests; outside of valgrind they do nothing."""

    def __init__(self) -> None:
        self._code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._code.write(REQUEST)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._code))
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)(address)
        self._words = ctypes.c_uint64 * 6

    def ask(self, request: int, argument: int = 0) -> int:
        words = self._words(request, argument)
        return int(self._call(ctypes.addressof(words), 0))

    def dump(self, name: str) -> None:
        """Write what was counted since the last dump, under this name."""
        text = ctypes.create_string_buffer(name.encode())
        self.ask(DUMP, ctypes.addressof(text))


class Left:
    """What requests leave for background threads, to be done once for each phase.

    How often a thread comes by itself depends on how long the counting takes.
    """

    def __init__(self) -> None:
        self._asked: set[Soon] = set()
        Soon.ask = lambda soon: self._asked.add(soon)  # type: ignore[method-assign]  # for this process, which only counts

    def do(self) -> None:
        while self._asked:
            work = self._asked.pop().work()
            if work is not None:
                work()


def counted(valgrind: Valgrind, name: str, work: Callable[[], None]) -> None:
    """Do the work as a phase of this name, and clear away the garbage that it leaves, once and as the last of it.

    Left to itself the collector would come a few times in a phase, once more or less for some unrelated change.
    """
    gc.collect()
    gc.freeze()
    valgrind.ask(ZERO)
    work()
    gc.collect()
    valgrind.dump(name)


def environ_of(line: str, isbns: Any) -> dict[str, Any]:
    """Return the WSGI environment of a line of a workload file, as the server would make it."""
    method, address, token, body = line.split("\t")
    if PLACE in body:
        body = body.replace(PLACE, f"979{next(isbns):010d}")
    path, _, query = address.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body.encode()),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if token:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    if body:
        environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body.encode()))}
    return environ


def ask(environs: list[dict[str, Any]], left: Left | None = None) -> None:
    """Send the requests, one after the other, read each answer as a server does, and do what was left for later.

    Raises:
        AssertionError: an answer is no success.
    """
    statuses: list[str] = []

    def start_response(status: str, _headers: object, _failure: object = None) -> Callable[[bytes], None]:
        statuses.append(status)
        return lambda _: None

    for environ in environs:
        chunks: Any = app(environ, start_response)
        for _ in chunks:
            pass
        if close := getattr(chunks, "close", None):
            close()
    if left is not None:
        left.do()
    assert all(status.startswith("20") for status in statuses), statuses


class Shape:
    """What the reference makes and asks."""

    def __init__(self, side: int, name: str) -> None:
        self.side = side
        self.name = name

    def area(self, factor: int = 1) -> int:
        return self.side * self.side * factor


def reference() -> None:
    """Do a fixed amount of what programs in Python do: calls, attributes, dictionaries, texts, sorting, JSON."""
    for turn in range(REFERENCE_ROUNDS):
        shapes = [Shape(side, f"shape {side}") for side in range(20)]
        areas = {shape.name: shape.area(factor=turn) for shape in shapes if shape.side % 3}
        ordered = sorted(areas.items(), key=lambda item: (-item[1], item[0]))
        text = json.dumps({"turn": turn, "areas": dict(ordered)})
        assert ",".join(name.upper() for name in json.loads(text)["areas"]).startswith("SHAPE")


def main() -> None:
    calls_each, phases = int(sys.argv[1]), int(sys.argv[2])
    left = Left()
    app.extensions["meze"].open()
    app.extensions["meze"].log_later()
    valgrind, isbns = Valgrind(), count(1)
    assert valgrind.ask(RUNNING_ON_VALGRIND), "nobody counts: run this by valgrind"
    gc.disable()
    valgrind.ask(START)
    for argument in sys.argv[3:]:
        name, _, file = argument.partition("=")
        lines = iter(Path(file).read_text().splitlines())
        for phase in range(1 + phases):
            environs = [environ_of(line, isbns) for line in islice(lines, calls_each)]
            counted(valgrind, name if phase else WARM_UP, partial(ask, environs, left))
    for phase in range(3):
        counted(valgrind, REFERENCE if phase else WARM_UP, reference)


if __name__ == "__main__":
    main()
