"""Run `meze` many times and import it once: a process that has imported it forks for each command.

What runs is a process as any other, with its own streams, folder, environment and exit code; it only begins where the
imports are done, which are nine tenths of what a command takes. `python forking.py FD` is that process.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 60
_one_at_a_time = threading.Lock()


def run(words: Sequence[str], folder: Path, environ: Mapping[str, str], given: str) -> subprocess.CompletedProcess:
    """Run `meze` with these words as `subprocess.run` would, with `given` on standard input."""
    with contextlib.ExitStack() as stack, _one_at_a_time:
        streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        streams[0].write(given.encode(errors="surrogateescape"))
        streams[0].seek(0)
        asked = json.dumps({"words": words, "folder": str(folder), "environ": dict(environ)}).encode()
        started = _started()
        started.settimeout(SECONDS)
        socket.send_fds(started, [b"?"], [stream.fileno() for stream in streams])
        started.sendall(asked + b"\n")
        code = int(_line(started))
        for stream in streams[1:]:
            stream.seek(0)
        printed, said = (stream.read().decode(errors="surrogateescape") for stream in streams[1:])
    return subprocess.CompletedProcess(["meze", *words], code, printed, said)


@functools.cache
def _started() -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])

    def stop() -> None:
        ours.close()
        process.wait(SECONDS)

    atexit.register(stop)
    return ours


def _line(end: socket.socket) -> bytes:
    """Return what comes up to a line's end; nothing where the other side is gone."""
    read = b""
    while not read.endswith(b"\n"):
        piece = end.recv(65536)
        if not piece:
            return b""
        read += piece
    return read


def _forked_for_each(end: socket.socket) -> None:
    """Answer each request with the exit code of a process of its own; return in that process, ready to run `meze`."""
    while True:
        _, streams, _, _ = socket.recv_fds(end, 1, 3)
        line = _line(end)
        if not line:
            os._exit(0)
        child = os.fork()
        if child == 0:
            break
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        end.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    end.close()
    asked = json.loads(line)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environ"])
    os.chdir(asked["folder"])
    sys.argv = ["meze", *asked["words"]]


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, which no command looks into
    from importlib import import_module
    from pkgutil import resolve_name

    from meze.cli import COMMANDS, main

    for name in ("alembic.autogenerate", "alembic.migration", "email_validator", "psycopg", "structlog"):
        import_module(name)
    for listed in COMMANDS.values():
        resolve_name(listed.place)
    gc.freeze()
    _forked_for_each(socket.socket(fileno=int(sys.argv[1])))
    main()
