"""Books with Litestar, SQLAlchemy 2 (async) and msgspec, written as their documentation advises."""

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from database import config
from litestar import Litestar, Request, Router, get, patch, post
from litestar.di import Provide
from litestar.exceptions import ClientException, NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.params import Parameter
from litestar.plugins.sqlalchemy import SQLAlchemyPlugin
from models import Author, Book
from msgspec import UNSET
from msgspec.structs import asdict
from schemas import BookCreate, BookDTO, BookUpdate, BookWithAuthorDTO, Sort
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

USER_IDS: dict[str, int] = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text())
SORTS = {
    "published": (Book.published, Book.id),
    "-published": (Book.published.desc(), Book.id.desc()),
    "title": (Book.title, Book.id),
    "-title": (Book.title.desc(), Book.id.desc()),
}
Limit = Annotated[int, Parameter(gt=0, le=100)]
Offset = Annotated[int, Parameter(ge=0)]


def get_user_id(request: Request[Any, Any, Any]) -> int:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user_id = USER_IDS.get(token) if scheme == "Bearer" else None
    if user_id is None:
        raise NotAuthorizedException("Not signed in", headers={"WWW-Authenticate": "Bearer"})
    return user_id


signed_in = {"user_id": Provide(get_user_id, sync_to_thread=False)}


def get_page(
    genre: str | None = None,
    published__lt: date | None = None,
    sort: Sort = "-published",
    limit: Limit = 20,
    offset: Offset = 0,
) -> Select[tuple[Book]]:
    statement = select(Book)
    if genre is not None:
        statement = statement.where(Book.genre == genre)
    if published__lt is not None:
        statement = statement.where(Book.published < published__lt)
    return statement.order_by(*SORTS[sort]).limit(limit).offset(offset)


paged = {"page": Provide(get_page, sync_to_thread=False)}


async def commit(session: AsyncSession) -> None:
    try:
        await session.commit()
    except IntegrityError as error:
        raise ClientException("The ISBN is taken, or there is no such author", status_code=409) from error


@get("/books", return_dto=BookDTO, dependencies=paged)
async def list_books(page: Select[tuple[Book]], db_session: AsyncSession) -> Sequence[Book]:
    return (await db_session.scalars(page)).all()


@get("/books/with-author", return_dto=BookWithAuthorDTO, dependencies=paged)
async def list_books_with_author(page: Select[tuple[Book]], db_session: AsyncSession) -> Sequence[Book]:
    statement = page.join(Author).options(contains_eager(Book.author))
    return (await db_session.scalars(statement)).all()


@get("/books/{book_id:int}", return_dto=BookDTO)
async def read_book(book_id: int, db_session: AsyncSession) -> Book:
    book = await db_session.get(Book, book_id)
    if book is None:
        raise NotFoundException("No such book")
    return book


@post("/books", return_dto=BookDTO, dependencies=signed_in)
async def create_book(data: BookCreate, user_id: int, db_session: AsyncSession) -> Book:
    book = Book(**asdict(data), owner_id=user_id)
    db_session.add(book)
    await commit(db_session)
    return book


@patch("/books/{book_id:int}", return_dto=BookDTO, dependencies=signed_in)
async def update_book(book_id: int, data: BookUpdate, user_id: int, db_session: AsyncSession) -> Book:
    book = await db_session.get(Book, book_id)
    if book is None:
        raise NotFoundException("No such book")
    if book.owner_id != user_id:
        raise PermissionDeniedException("Not your book")
    for name, value in asdict(data).items():
        if value is not UNSET:
            setattr(book, name, value)
    await commit(db_session)
    return book


router = Router("/api/v1", route_handlers=[list_books, list_books_with_author, read_book, create_book, update_book])
app = Litestar(route_handlers=[router], plugins=[SQLAlchemyPlugin(config)])
