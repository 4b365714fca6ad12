"""What a disk may hold after a power cut: what was synced, and of the rest whatever chance kept.

What had been written and then synced before the cut is there. Of each later write, any sector may be there or not, and
in any of the states that it had since; a file may have any of the lengths that it had since; a name may be there or not
until its folder was synced. `Keeping` says how the chance is drawn.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from chaos.recorder import Kind, Operation

SECTOR = 512
PAGE = 4096


class Keeping(Enum):
    """What is kept of the writes that were not synced."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    SECTORS = "any sectors, in any state since"
    PAGES = "any pages, in any state since"
    FIRST = "the first so many, the last of them torn"
    RUBBISH = "any sectors, and rubbish in new ones that were not written"


@dataclass(frozen=True, slots=True)
class Folder:
    """Files as they are on the disk, by name; with the inode of each, as the recorder names it."""

    files: Mapping[str, bytes]
    inodes: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> Folder:
        found = [file for file in path.iterdir() if file.is_file()]
        return cls({file.name: file.read_bytes() for file in found}, {file.name: file.stat().st_ino for file in found})


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the run, whose inode may have been another file's before."""

    before: bytes
    operations: list[Operation]


class Recording:
    """What was done to the files of a folder, from `before` on."""

    def __init__(self, before: Folder, operations: Iterable[Operation]) -> None:
        self._operations = sorted(operations, key=lambda each: each.start)
        self._before = before
        self._files: list[_File] = []
        self._names: dict[str, list[tuple[Operation, _File | None]]] = defaultdict(list)
        self._first: dict[str, _File] = {}
        self._folder_syncs: list[Operation] = []
        self._sort()

    def _sort(self) -> None:
        """Give each operation to its file."""
        by_inode: dict[int, _File] = {}
        alive: dict[str, _File | None] = {}
        for name, content in self._before.files.items():
            file = self._first[name] = by_inode[self._before.inodes[name]] = _File(content, [])
            alive[name] = file
            self._files.append(file)
        for each in self._operations:
            if each.kind is Kind.SYNC_FOLDER:
                self._folder_syncs.append(each)
            elif each.kind is Kind.DELETE:
                alive[each.name] = None
                self._names[each.name].append((each, None))
            elif each.kind is Kind.CREATE:
                # Two processes may both find a file missing and both make it: then it is one.
                if alive.get(each.name) is None:
                    file = alive[each.name] = by_inode[each.inode] = _File(b"", [])
                    self._files.append(file)
                    self._names[each.name].append((each, file))
            elif each.inode in by_inode:
                by_inode[each.inode].operations.append(each)

    def moments(self, name: str, kind: Kind) -> list[int]:
        """Return when each operation of this kind on the file that first had the name began."""
        files = [self._first[name]] if name in self._first else []
        files += [file for _, file in self._names.get(name, []) if file is not None]
        return [each.start for file in files for each in file.operations if each.kind is kind]

    def after_cut(self, moment: int, keeping: Keeping, chance: random.Random) -> dict[str, bytes]:
        """Return the files as they may be found after the power went at `moment`."""
        found: dict[str, bytes] = {}
        synced = _synced_until(self._folder_syncs, moment)
        for name in self._first.keys() | self._names.keys():
            held: list[_File | None] = [self._first.get(name)]
            for change, file in self._names.get(name, []):
                if change.start > moment:
                    break
                if change.end <= synced:
                    held = [file]
                else:
                    held.append(file)
            file = (
                held[0]
                if keeping is Keeping.NOTHING
                else held[-1]
                if keeping is Keeping.EVERYTHING
                else chance.choice(held)
            )
            if file is not None:
                found[name] = _content(file, moment, keeping, chance)
        return found


def _synced_until(syncs: Sequence[Operation], moment: int) -> int:
    """Return until when everything was on the disk at `moment`: the latest begin of a sync that had ended."""
    return max((sync.start for sync in syncs if sync.end <= moment), default=-1)


def _content(file: _File, moment: int, keeping: Keeping, chance: random.Random) -> bytes:
    operations = file.operations[: bisect_right(file.operations, moment, key=lambda each: each.start)]
    synced = _synced_until([each for each in operations if each.kind is Kind.SYNC], moment)
    changes = [each for each in operations if each.kind in (Kind.WRITE, Kind.TRUNCATE)]
    content = bytearray(file.before)
    for each in changes:
        if each.end <= synced:
            _apply(content, each)
    later = [each for each in changes if each.end > synced]
    if keeping is Keeping.EVERYTHING:
        for each in later:
            _apply(content, each)
    elif keeping is Keeping.FIRST and later:
        count = chance.randrange(len(later) + 1)
        for each in later[:count]:
            _apply(content, each)
        if count < len(later):
            _apply(content, _torn(later[count], chance))
    elif keeping is not Keeping.NOTHING:
        content = _mixed(content, later, keeping, chance)
    return bytes(content)


def _apply(content: bytearray, change: Operation) -> None:
    if change.kind is Kind.TRUNCATE:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


def _torn(change: Operation, chance: random.Random) -> Operation:
    """Return the first sectors of a write; of a truncation nothing."""
    end = change.offset + len(change.data)
    borders = [change.offset, *range((change.offset // SECTOR + 1) * SECTOR, end, SECTOR)]
    length = chance.choice(borders) - change.offset
    return Operation(
        Kind.WRITE, change.start, change.end, change.inode, change.offset if length else 0, "", change.data[:length]
    )


def _mixed(content: bytearray, later: list[Operation], keeping: Keeping, chance: random.Random) -> bytearray:
    """Return the file with each unit of it in one of the states that it had since the last sync."""
    unit = PAGE if keeping is Keeping.PAGES else SECTOR
    states: dict[int, list[bytes]] = defaultdict(list)
    lengths = [len(content)]
    latest = bytearray(content)
    for each in later:
        length = len(latest)
        _apply(latest, each)
        lengths.append(len(latest))
        # Where a file grows past its end, what lies between becomes zeros. What is cut off is only no longer seen.
        first = min(length, each.offset)
        last = each.offset + len(each.data)
        for place in range(first // unit, -(-last // unit)):
            states[place].append(bytes(latest[place * unit : (place + 1) * unit]).ljust(unit, b"\0"))
    length = chance.choice(lengths)
    new = len(content)
    content.extend(bytes(max(0, max(lengths) - len(content))))
    for place, since in states.items():
        start = place * unit
        was = bytes(content[start : start + unit]).ljust(unit, b"\0")
        if keeping is Keeping.RUBBISH and start >= new:
            was = chance.randbytes(unit)
        kept = chance.choice([was, *since])
        content[start : start + unit] = kept[: max(0, len(content) - start)]
    del content[length:]
    return content
