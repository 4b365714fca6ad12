"""The rows that every application starts with: the same in every run and on every machine.

Rows are tuples in the order of the columns named beside them. Decimals and dates are text, which both databases
turn into their column's type.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

AUTHORS = 5_000
BOOKS = 100_000
USERS = 1_000

FIRST_NEW_ISBN = "979"
"""What the ISBN of a created book begins with; that of a stored one is less."""

GENRES = (
    "adventure", "biography", "children", "classics", "cooking", "crime", "drama", "essays", "fantasy", "history",
    "horror", "humour", "music", "mystery", "philosophy", "poetry", "romance", "science", "thriller", "travel",
)  # fmt: skip
COUNTRIES = ("BR", "CN", "DE", "EG", "ES", "FR", "GB", "IN", "IT", "JP", "KE", "MX", "NG", "SE", "TR", "US")
FIRST_PUBLISHED = date(1950, 1, 1)
DAYS_OF_PUBLISHING = 27_000

FIRST_NAMES = (
    "Ada",
    "Béla",
    "Chinua",
    "Dorothea",
    "Émile",
    "Fatma",
    "Gabriel",
    "Hanako",
    "Iris",
    "João",
    "Lu",
    "Zadie",
)
LAST_NAMES = ("Achterberg", "Brontë", "Çelik", "Dvořák", "Eco", "Fuentes", "García", "Hughes", "Ito", "Jansson", "Wang")
ADJECTIVES = ("Blue", "Broken", "Distant", "Endless", "Golden", "Hidden", "Last", "Quiet", "Seventh", "Silver", "Wild")
NOUNS = ("Bridge", "Café", "Garden", "House", "Island", "Letter", "Mountain", "Orchard", "River", "Winter", "Year")


class AuthorRow(NamedTuple):
    """One author."""

    id: int
    name: str
    country: str


class UserRow(NamedTuple):
    """One user; in the calls `token_of(id)` stands for them."""

    id: int
    email: str
    name: str


class BookRow(NamedTuple):
    """One book; `owner_id` is the user who may change it."""

    id: int
    title: str
    isbn: str
    genre: str
    pages: int
    price: str
    rating: float | None
    published: str
    author_id: int
    owner_id: int


class Dice:
    """Random numbers that no Python release changes: only `Random.random` is promised to stay the same."""

    def __init__(self, seed: str) -> None:
        # A number, because how text seeds the generator is not promised.
        self._random = random.Random(int.from_bytes(seed.encode()))

    def below(self, bound: int) -> int:
        """Return a whole number from 0 to `bound - 1`."""
        return int(self._random.random() * bound)

    def pick(self, choices: tuple[str, ...]) -> str:
        """Return one of the choices, each equally likely."""
        return choices[self.below(len(choices))]


Row = AuthorRow | UserRow | BookRow


def authors() -> Iterator[AuthorRow]:
    """Yield every author, by id."""
    dice = Dice("authors")
    for number in range(1, AUTHORS + 1):
        yield AuthorRow(number, f"{dice.pick(FIRST_NAMES)} {dice.pick(LAST_NAMES)}", dice.pick(COUNTRIES))


def users() -> Iterator[UserRow]:
    """Yield every user, by id."""
    for number in range(1, USERS + 1):
        yield UserRow(number, f"reader{number}@example.org", f"Reader {number}")


def books(number_of: int = BOOKS) -> Iterator[BookRow]:
    """Yield every book, by id; one in five has no rating. Fewer are the first of more."""
    dice = Dice("books")
    for number in range(1, number_of + 1):
        yield BookRow(
            id=number,
            title=f"The {dice.pick(ADJECTIVES)} {dice.pick(NOUNS)}, volume {1 + dice.below(40)}",
            isbn=isbn_of_stored(number),
            genre=dice.pick(GENRES),
            pages=40 + dice.below(900),
            price=price(dice),
            rating=None if dice.below(5) == 0 else (10 + dice.below(41)) / 10,
            published=day(dice),
            author_id=1 + dice.below(AUTHORS),
            owner_id=1 + dice.below(USERS),
        )


def price(dice: Dice) -> str:
    """Return a price from 3.00 to 82.99 as text with two decimals."""
    return f"{3 + dice.below(80)}.{dice.below(100):02d}"


def day(dice: Dice) -> str:
    """Return a day of publishing as ISO text."""
    return (FIRST_PUBLISHED + timedelta(days=dice.below(DAYS_OF_PUBLISHING))).isoformat()


def isbn_of_stored(number: int) -> str:
    """Return the ISBN of the stored book with this id; created books begin with 979 and so never meet it."""
    return f"978{number:010d}"


def token_of(user_id: int) -> str:
    """Return the token by which the peers know this user, from a table in memory.

    In the calls it stands for the user; for an application with sessions, its own takes the place (`own_calls.py`).
    """
    return f"reader-{user_id:04d}-5f0c3b9a7d1e4862"


def user_id_of(token: str) -> int | None:
    """Return whose token this is, None where nobody has it."""
    user_id = int(token[7:11]) if token else 0
    return user_id if token == token_of(user_id) else None
