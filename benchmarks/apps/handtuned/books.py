"""What goes in and out, as msgspec structs; fields that come out stand in the order of the columns."""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Isbn = Annotated[str, Meta(min_length=1, max_length=13)]
Genre = Annotated[str, Meta(min_length=1, max_length=20)]
Pages = Annotated[int, Meta(gt=0, lt=2**31)]
# Text all the way: the database makes a number of it, and text again.
Price = Annotated[str, Meta(pattern=r"^[0-9]{1,8}(\.[0-9]{1,2})?$")]
Rating = Annotated[float, Meta(ge=0, le=5)]
Key = Annotated[int, Meta(gt=0, lt=2**31)]


class BookToCreate(Struct, forbid_unknown_fields=True):
    title: Title
    isbn: Isbn
    genre: Genre
    pages: Pages
    price: Price
    published: date
    author_id: Key
    rating: Rating | None = None


class BookChange(Struct, forbid_unknown_fields=True):
    title: Title | UnsetType = UNSET
    isbn: Isbn | UnsetType = UNSET
    genre: Genre | UnsetType = UNSET
    pages: Pages | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    rating: Rating | UnsetType | None = UNSET
    published: date | UnsetType = UNSET
    author_id: Key | UnsetType = UNSET


class BookQuery(Struct, forbid_unknown_fields=True):
    genre: str | None = None
    published__lt: date | None = None
    sort: Literal["published", "-published", "title", "-title"] = "-published"
    limit: Annotated[int, Meta(gt=0, le=100)] = 20
    offset: Annotated[int, Meta(ge=0)] = 0
    expand: Literal["author"] | None = None


class Book(Struct, gc=False):
    id: int
    title: str
    isbn: str
    genre: str
    pages: int
    price: str
    rating: float | None
    published: date | str
    author_id: int
    owner_id: int


class Author(Struct, gc=False):
    id: int
    name: str
    country: str


class BookWithAuthor(Book, gc=False):
    author: Author

    @classmethod
    def of(cls, *row: Any) -> "BookWithAuthor":
        """Take the author's columns from the end of a row."""
        return cls(*row[:-3], Author(*row[-3:]))
