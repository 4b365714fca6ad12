"""What goes in, as msgspec structs, and what goes out, as DTOs of the models: Litestar's two ways for the two."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from litestar.dto import DTOConfig
from litestar.exceptions import ValidationException
from litestar.plugins.sqlalchemy import SQLAlchemyDTO
from models import Book
from msgspec import UNSET, Meta, Struct, UnsetType

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Isbn = Annotated[str, Meta(min_length=1, max_length=13)]
Genre = Annotated[str, Meta(min_length=1, max_length=20)]
Pages = Annotated[int, Meta(gt=0, lt=2**31)]
Rating = Annotated[float, Meta(ge=0, le=5)]
Key = Annotated[int, Meta(gt=0, lt=2**31)]
Sort = Literal["published", "-published", "title", "-title"]


def check_price(price: Decimal | UnsetType) -> None:
    """msgspec has no constraints for decimals."""
    if price is UNSET:
        return
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -2 or not 0 <= price < 10**8:
        raise ValidationException("price: from 0 to 99999999.99, with two decimals")


class BookCreate(Struct, forbid_unknown_fields=True):
    title: Title
    isbn: Isbn
    genre: Genre
    pages: Pages
    price: Decimal
    published: date
    author_id: Key
    rating: Rating | None = None

    def __post_init__(self) -> None:
        check_price(self.price)


class BookUpdate(Struct, forbid_unknown_fields=True):
    title: Title | UnsetType = UNSET
    isbn: Isbn | UnsetType = UNSET
    genre: Genre | UnsetType = UNSET
    pages: Pages | UnsetType = UNSET
    price: Decimal | UnsetType = UNSET
    rating: Rating | UnsetType | None = UNSET
    published: date | UnsetType = UNSET
    author_id: Key | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_price(self.price)


class BookDTO(SQLAlchemyDTO[Book]):
    config = DTOConfig(exclude={"author"})


class BookWithAuthorDTO(SQLAlchemyDTO[Book]):
    config = DTOConfig(max_nested_depth=1)
