"""What goes in and out, as FastAPI's documentation writes it: one pydantic model for each use."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Title = Annotated[str, Field(min_length=1, max_length=200)]
Isbn = Annotated[str, Field(min_length=1, max_length=13)]
Genre = Annotated[str, Field(min_length=1, max_length=20)]
Pages = Annotated[int, Field(gt=0)]
Price = Annotated[Decimal, Field(ge=0, max_digits=10, decimal_places=2)]
Rating = Annotated[float, Field(ge=0, le=5)]


class AuthorPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    country: str


class BookCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title
    isbn: Isbn
    genre: Genre
    pages: Pages
    price: Price
    rating: Rating | None = None
    published: date
    author_id: int


class BookUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    isbn: Isbn | None = None
    genre: Genre | None = None
    pages: Pages | None = None
    price: Price | None = None
    rating: Rating | None = None
    published: date | None = None
    author_id: int | None = None


class BookPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    isbn: str
    genre: str
    pages: int
    price: Decimal
    rating: float | None
    published: date
    author_id: int
    owner_id: int


class BookWithAuthor(BookPublic):
    author: AuthorPublic


class BookQuery(BaseModel):
    """The parameters of a list, as a query parameter model."""

    model_config = ConfigDict(extra="forbid")

    genre: str | None = None
    published__lt: date | None = None
    sort: Literal["published", "-published", "title", "-title"] = "-published"
    limit: int = Field(20, gt=0, le=100)
    offset: int = Field(0, ge=0)
