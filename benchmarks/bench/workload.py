"""The six requests, as files that any load generator can replay.

A line of such a file is `METHOD <tab> path <tab> bearer token or nothing <tab> JSON body or nothing`. A body may hold
`NEWISBN_PLACE`, thirteen characters that the load generator replaces by the next number that no book has.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from bench.data import (
    AUTHORS,
    BOOKS,
    DAYS_OF_PUBLISHING,
    FIRST_PUBLISHED,
    GENRES,
    USERS,
    Dice,
    books,
    day,
    price,
    token_of,
)

NEW_ISBN = "NEWISBN_PLACE"
PREFIX = "/api/v1"
TITLES = {
    "R1": "get one",
    "R2": "list 20, filtered and sorted",
    "R3": "list 20 with the author",
    "R4": "create",
    "R5": "patch one's own",
    "R6": "70/20/10 mix",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a client."""

    method: str
    path: str
    token: str = ""
    body: str = ""

    def line(self) -> str:
        """Return the call as a line of a workload file."""
        return "\t".join((self.method, self.path, self.token, self.body))


Maker = Callable[[Dice, int], Call]
"""Makes a call of a request, where there are so many books."""


def get_one(dice: Dice, stored: int) -> Call:
    """R1: one book by its key."""
    return Call("GET", f"{PREFIX}/books/{1 + dice.below(stored)}")


def page(dice: Dice) -> str:
    # The oldest tenth is left out, so that every page is full.
    before = FIRST_PUBLISHED.replace(year=FIRST_PUBLISHED.year + 7 + dice.below(DAYS_OF_PUBLISHING // 365 - 7))
    return f"genre={dice.pick(GENRES)}&published__lt={before.isoformat()}&sort=-published&limit=20"


def list_books(dice: Dice, _stored: int) -> Call:
    """R2: twenty books of one genre that came out before a day, the newest first."""
    return Call("GET", f"{PREFIX}/books?{page(dice)}")


def list_with_authors(dice: Dice, _stored: int) -> Call:
    """R3: the same twenty, each with its author embedded."""
    return Call("GET", f"{PREFIX}/books?{page(dice)}&expand=author")


def create(dice: Dice, _stored: int) -> Call:
    """R4: a new book of the caller's, with every field, durable once answered."""
    body = {
        "title": f"A new book, volume {dice.below(1_000)}",
        "isbn": NEW_ISBN,
        "genre": dice.pick(GENRES),
        "pages": 40 + dice.below(900),
        "price": price(dice),
        "rating": (10 + dice.below(41)) / 10,
        "published": day(dice),
        "author_id": 1 + dice.below(AUTHORS),
    }
    return Call("POST", f"{PREFIX}/books", token_of(1 + dice.below(USERS)), json.dumps(body))


@cache
def owners(stored: int) -> tuple[int, ...]:
    """Return the owner of each book, in the order of their keys."""
    return tuple(book.owner_id for book in books(stored))


def patch(dice: Dice, stored: int) -> Call:
    """R5: a new price and rating for a book of the caller's own."""
    number = dice.below(stored)
    body = {"price": price(dice), "rating": (10 + dice.below(41)) / 10}
    return Call("PATCH", f"{PREFIX}/books/{number + 1}", token_of(owners(stored)[number]), json.dumps(body))


def mix() -> Maker:
    """R6: of ten calls seven read (three R1, two R2, two R3), two create and one patches, in shuffled order."""
    makers = [get_one] * 3 + [list_books] * 2 + [list_with_authors] * 2 + [create] * 2 + [patch]
    waiting: list[Maker] = []

    def any_of_them(dice: Dice, stored: int) -> Call:
        if not waiting:
            waiting.extend(makers)
        return waiting.pop(dice.below(len(waiting)))(dice, stored)

    return any_of_them


@dataclass(frozen=True, slots=True)
class Workload:
    """One of the six requests: its name and its calls."""

    name: str
    calls: tuple[Call, ...]

    @property
    def creates(self) -> bool:
        """Whether replaying it adds books."""
        return any(call.method == "POST" for call in self.calls)

    def text(self) -> str:
        """Return the workload file."""
        return "".join(f"{call.line()}\n" for call in self.calls)


def workloads(calls_each: int = 2_000, stored: int = BOOKS) -> Iterator[Workload]:
    """Yield R1 to R6, each with this many different calls to so many books; always the same ones."""
    makers = (get_one, list_books, list_with_authors, create, patch, mix())
    for name, maker in zip(TITLES, makers, strict=True):
        dice = Dice(name)
        yield Workload(name, tuple(maker(dice, stored) for _ in range(calls_each)))
