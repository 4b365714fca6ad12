"""What is rebuilt after a simulated power cut: all that was synced, and of the rest every state that may be."""

from __future__ import annotations

import random

import pytest

from chaos.power_cut import SECTOR, Folder, Keeping, Recording
from chaos.recorder import Kind, Operation

INODE = 7
OLD, NEW, NEWER = b"o" * SECTOR, b"n" * SECTOR, b"m" * SECTOR
BEFORE = Folder({"a": OLD * 4}, {"a": INODE})


def write(start, offset, data, end=None, inode=INODE):
    return Operation(Kind.WRITE, start, end or start + 1, inode, offset, "", data)


def sync(start, end, inode=INODE):
    return Operation(Kind.SYNC, start, end, inode)


def after(operations, moment, keeping, seed=0, before=BEFORE):
    return Recording(before, operations).after_cut(moment, keeping, random.Random(seed))  # noqa: S311 - the same chance in every run


def all_after(operations, moment, keeping):
    return {after(operations, moment, keeping, seed)["a"] for seed in range(300)}


SYNCED = [write(10, 0, NEW), sync(20, 30)]


@pytest.mark.parametrize("keeping", Keeping)
def test_what_was_synced_is_there(keeping):
    assert after(SYNCED, 30, keeping) == {"a": NEW + OLD * 3}


def test_a_sync_that_had_not_ended_holds_nothing():
    assert after(SYNCED, 29, Keeping.NOTHING) == {"a": OLD * 4}
    assert after(SYNCED, 29, Keeping.EVERYTHING) == {"a": NEW + OLD * 3}


def test_a_sync_does_not_hold_a_write_that_was_under_way_when_it_began():
    assert after([write(10, 0, NEW, end=25), sync(20, 30)], 40, Keeping.NOTHING) == {"a": OLD * 4}


def test_a_sync_holds_its_own_file_alone():
    assert after([write(10, 0, NEW), sync(20, 30, inode=8)], 40, Keeping.NOTHING) == {"a": OLD * 4}


def test_what_began_after_the_cut_was_never_done():
    assert after([write(10, 0, NEW)], 9, Keeping.EVERYTHING) == {"a": OLD * 4}


def test_each_sector_is_kept_or_not_by_itself():
    found = all_after([write(10, 0, NEW * 2), write(12, 0, NEWER)], 20, Keeping.SECTORS)

    assert found == {first + second + OLD * 2 for first in (OLD, NEW, NEWER) for second in (OLD, NEW)}


def test_pages_are_kept_whole_or_not():
    assert all_after([write(10, 0, NEW * 2)], 20, Keeping.PAGES) == {OLD * 4, NEW * 2 + OLD * 2}


def test_the_first_are_kept_and_the_last_of_them_torn():
    found = all_after([write(10, 0, NEW * 3), write(12, 0, NEWER * 2)], 20, Keeping.FIRST)

    assert found == {
        *(NEW * torn + OLD * (4 - torn) for torn in range(3)),
        *(NEWER * torn + NEW * (3 - torn) + OLD for torn in range(3)),
    }


def test_a_file_that_grew_has_any_length_it_had_and_zeros_or_what_was_written():
    found = all_after([write(10, 4 * SECTOR, NEW), write(12, 5 * SECTOR, NEW)], 20, Keeping.SECTORS)

    zeros = bytes(SECTOR)
    assert found == {
        OLD * 4,
        *(OLD * 4 + fifth for fifth in (zeros, NEW)),
        *(OLD * 4 + fifth + sixth for fifth in (zeros, NEW) for sixth in (zeros, NEW)),
    }


def test_new_sectors_that_were_not_written_may_hold_rubbish():
    found = all_after([write(10, 4 * SECTOR, NEW)], 20, Keeping.RUBBISH)

    assert {OLD * 4, OLD * 4 + NEW} < found
    assert len(found) > 10


def test_a_file_that_was_cut_short_has_either_length():
    assert all_after([Operation(Kind.TRUNCATE, 10, 11, INODE, SECTOR)], 20, Keeping.SECTORS) == {OLD * 4, OLD}


def test_a_new_name_is_there_for_sure_once_its_folder_was_synced():
    made = [Operation(Kind.CREATE, 10, 11, 9, 0, "b"), write(12, 0, NEW, inode=9), sync(14, 16, inode=9)]

    assert "b" not in after(made, 20, Keeping.NOTHING)
    assert after(made, 20, Keeping.EVERYTHING)["b"] == NEW
    assert {"b" in after(made, 20, Keeping.SECTORS, seed) for seed in range(50)} == {True, False}
    assert after([*made, Operation(Kind.SYNC_FOLDER, 17, 18)], 20, Keeping.NOTHING)["b"] == NEW


def test_a_removed_name_comes_back_unless_its_folder_was_synced():
    gone = [Operation(Kind.DELETE, 10, 11, 0, 0, "a")]

    assert after(gone, 20, Keeping.NOTHING) == {"a": OLD * 4}
    assert after(gone, 20, Keeping.EVERYTHING) == {}
    assert after([*gone, Operation(Kind.SYNC_FOLDER, 12, 13)], 20, Keeping.NOTHING) == {}


def test_a_file_that_two_processes_made_at_once_is_one():
    made = [
        Operation(Kind.CREATE, 10, 13, 9, 0, "b"),
        Operation(Kind.CREATE, 11, 14, 9, 0, "b"),
        write(15, 0, NEW, inode=9),
        write(16, SECTOR, NEWER, inode=9),
    ]

    assert after(made, 20, Keeping.EVERYTHING)["b"] == NEW + NEWER
