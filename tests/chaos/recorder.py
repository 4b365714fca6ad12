"""Record what SQLite writes in this process, and when it asked for it to be on the disk.

SQLite reaches its files through a table of functions, the VFS (https://www.sqlite.org/vfs.html), and that table may be
replaced: its authors simulate crashes in the same way. `record` makes a copy of the system's VFS the default, whose
files pass on each write, truncation and sync, and write down when it began and was over. No compiler is needed, and it
works for the SQLite that the driver carries. That a sync of the VFS ends in an fsync of the system is SQLite's own
business, and is not looked into here.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from meze.databases.sqlite_connection import driver_module

OPEN_CREATE = 0x00000004
OPEN_LOGS = 0x00000800 | 0x00004000 | 0x00080000
"""Main journal, super-journal, write-ahead log: with the first sync of such a file SQLite syncs its folder too."""
OK = 0

Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class Methods(Structure):
    """`sqlite3_io_methods`, to its third version."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", Write),
        ("truncate", Truncate),
        ("sync", Sync),
        ("others", c_void_p * 13),
    )


class OpenFile(Structure):
    """The head of `sqlite3_file`."""

    _fields_ = (("methods", POINTER(Methods)),)


class VFS(Structure):
    """`sqlite3_vfs`, to its third version."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("longest_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", Open),
        ("delete", Delete),
        ("others", c_void_p * 14),
    )


class Kind(Enum):
    """What was done to a file, or to the folder."""

    WRITE = b"w"
    TRUNCATE = b"t"
    SYNC = b"s"
    CREATE = b"c"
    DELETE = b"d"
    SYNC_FOLDER = b"f"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: it had not begun before `start`, and was over at `end` (nanoseconds of the monotonic clock)."""

    kind: Kind
    start: int
    end: int
    inode: int = 0
    offset: int = 0
    """Where a write begins; how long a file is after a truncation."""
    name: str = ""
    data: bytes = b""


HEAD = struct.Struct("<cqqqqHI")


def read_records(folder: Path) -> Iterator[Operation]:
    """Yield what every process recorded, by its start. A record that a killed process left in part is its last."""
    operations = []
    for file in folder.glob("*.operations"):
        content, at = file.read_bytes(), 0
        while at + HEAD.size <= len(content):
            kind, start, end, inode, offset, name, data = HEAD.unpack_from(content, at)
            at += HEAD.size
            if at + name + data > len(content):
                break
            words = content[at : at + name].decode()
            operations.append(
                Operation(Kind(kind), start, end, inode, offset, words, content[at + name : at + name + data])
            )
            at += name + data
    yield from sorted(operations, key=lambda each: each.start)


class Recorder:
    """Stands between SQLite and the system in this process and in those that are forked from it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._output: int | None = None
        self._inodes: dict[int, int] = {}
        self._unsynced_folder: set[int] = set()
        self._tables: dict[int, Methods] = {}
        self._kept: list[Any] = []
        os.register_at_fork(after_in_child=self._start_again)

    def install(self) -> None:
        carried = driver_module().__name__.startswith("pysqlite3.")
        module = importlib.import_module("pysqlite3._sqlite3" if carried else "_sqlite3")
        library = ctypes.CDLL(getattr(module, "__file__", None))  # None: it is a part of Python itself
        library.sqlite3_initialize()
        library.sqlite3_vfs_find.restype = POINTER(VFS)
        system = library.sqlite3_vfs_find(None).contents
        ours = VFS()
        ctypes.memmove(ctypes.byref(ours), ctypes.byref(system), ctypes.sizeof(VFS))
        ours.name = b"recorded"
        ours.next = None
        ours.open = Open(self._guarded(lambda *words: self._open(system, *words)))
        ours.delete = Delete(self._guarded(lambda *words: self._delete(system, *words)))
        self._kept += [library, system, ours]
        if library.sqlite3_vfs_register(ctypes.byref(ours), 1) != OK:
            raise RuntimeError("SQLite does not take the VFS")

    def _start_again(self) -> None:
        self._output = None

    def _guarded(self, function: Callable[..., int]) -> Callable[..., int]:
        """ctypes would print an error and go on; nothing goes on unrecorded here."""

        def guarded(*words: Any) -> int:
            try:
                return function(*words)
            except BaseException as error:
                os.write(2, f"the recorder failed: {error!r}\n".encode())
                os._exit(70)

        return guarded

    def _open(self, system: VFS, vfs: int, name: int | None, file: int, flags: int, flags_out: int | None) -> int:
        path = None if name is None else Path(os.fsdecode(ctypes.string_at(name)))
        existed = path is None or path.exists()
        start = time.monotonic_ns()
        result = int(system.open(vfs, name, file, flags, flags_out))
        if result != OK or path is None:
            return result
        inode = self._inodes[file] = path.stat().st_ino
        if not existed:
            self._write_down(Kind.CREATE, start, inode, name=path.name)
        self._unsynced_folder.discard(file)
        if flags & OPEN_LOGS and flags & OPEN_CREATE:
            self._unsynced_folder.add(file)
        opened = OpenFile.from_address(file)
        opened.methods = ctypes.pointer(self._table(opened.methods))
        return result

    def _table(self, pointer: Any) -> Methods:
        address = ctypes.addressof(pointer.contents)
        if address not in self._tables:
            system, ours = pointer.contents, Methods()
            ctypes.memmove(ctypes.byref(ours), ctypes.byref(system), ctypes.sizeof(Methods))
            ours.write = Write(self._guarded(lambda *words: self._write(system, *words)))
            ours.truncate = Truncate(self._guarded(lambda *words: self._truncate(system, *words)))
            ours.sync = Sync(self._guarded(lambda *words: self._sync(system, *words)))
            self._tables[address] = ours
            self._kept.append(system)
        return self._tables[address]

    def _write(self, system: Methods, file: int, data: int, length: int, offset: int) -> int:
        start, content = time.monotonic_ns(), ctypes.string_at(data, length)
        result = int(system.write(file, data, length, offset))
        self._write_down(Kind.WRITE, start, self._inodes.get(file, 0), offset, data=content)
        return result

    def _truncate(self, system: Methods, file: int, length: int) -> int:
        start = time.monotonic_ns()
        result = int(system.truncate(file, length))
        self._write_down(Kind.TRUNCATE, start, self._inodes.get(file, 0), length)
        return result

    def _sync(self, system: Methods, file: int, flags: int) -> int:
        start = time.monotonic_ns()
        result = int(system.sync(file, flags))
        if result == OK:
            self._write_down(Kind.SYNC, start, self._inodes.get(file, 0))
            if file in self._unsynced_folder:
                self._unsynced_folder.discard(file)
                self._write_down(Kind.SYNC_FOLDER, start, 0)
        return result

    def _delete(self, system: VFS, vfs: int, name: int, sync_folder: int) -> int:
        start = time.monotonic_ns()
        result = int(system.delete(vfs, name, sync_folder))
        if result == OK:
            self._write_down(Kind.DELETE, start, 0, name=Path(os.fsdecode(ctypes.string_at(name))).name)
            if sync_folder:
                self._write_down(Kind.SYNC_FOLDER, start, 0)
        return result

    def _write_down(
        self, kind: Kind, start: int, inode: int, offset: int = 0, *, name: str = "", data: bytes = b""
    ) -> None:
        """Append one record in one write, so that threads do not mix theirs."""
        if self._output is None:
            path = self._folder / f"{os.getpid()}.operations"
            self._output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        words = name.encode()
        head = HEAD.pack(kind.value, start, time.monotonic_ns(), inode, offset, len(words), len(data))
        os.write(self._output, head + words + data)


_recorders: list[Recorder] = []


def record(folder: Path) -> None:
    """Record from now on what connections that are still to be opened write, into files of `folder`."""
    recorder = Recorder(folder)
    recorder.install()
    _recorders.append(recorder)  # SQLite calls it for as long as the process lives
