"""Books with FastAPI, SQLAlchemy 2 (async) and pydantic, written as their documentation advises."""

import json
import os
from pathlib import Path
from typing import Annotated

from database import SessionDep
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from models import Author, Book
from schemas import BookCreate, BookPublic, BookQuery, BookUpdate, BookWithAuthor
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager

USER_IDS: dict[str, int] = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text())
SORTS = {
    "published": (Book.published, Book.id),
    "-published": (Book.published.desc(), Book.id.desc()),
    "title": (Book.title, Book.id),
    "-title": (Book.title.desc(), Book.id.desc()),
}

bearer = HTTPBearer(auto_error=False)
router = APIRouter(prefix="/api/v1")


async def get_user_id(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> int:
    user_id = USER_IDS.get(credentials.credentials) if credentials else None
    if user_id is None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Not signed in", headers={"WWW-Authenticate": "Bearer"})
    return user_id


UserId = Annotated[int, Depends(get_user_id)]
BookQueryDep = Annotated[BookQuery, Query()]


def page_of_books(query: BookQuery) -> Select[tuple[Book]]:
    statement = select(Book)
    if query.genre is not None:
        statement = statement.where(Book.genre == query.genre)
    if query.published__lt is not None:
        statement = statement.where(Book.published < query.published__lt)
    return statement.order_by(*SORTS[query.sort]).limit(query.limit).offset(query.offset)


async def commit(session: SessionDep) -> None:
    try:
        await session.commit()
    except IntegrityError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, "The ISBN is taken, or there is no such author") from error


@router.get("/books", response_model=list[BookPublic])
async def list_books(query: BookQueryDep, session: SessionDep) -> object:
    return (await session.scalars(page_of_books(query))).all()


@router.get("/books/with-author", response_model=list[BookWithAuthor])
async def list_books_with_author(query: BookQueryDep, session: SessionDep) -> object:
    statement = page_of_books(query).join(Author).options(contains_eager(Book.author))
    return (await session.scalars(statement)).all()


@router.get("/books/{book_id}", response_model=BookPublic)
async def read_book(book_id: int, session: SessionDep) -> object:
    book = await session.get(Book, book_id)
    if book is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such book")
    return book


@router.post("/books", response_model=BookPublic, status_code=status.HTTP_201_CREATED)
async def create_book(body: BookCreate, user_id: UserId, session: SessionDep) -> object:
    book = Book(**body.model_dump(), owner_id=user_id)
    session.add(book)
    await commit(session)
    return book


@router.patch("/books/{book_id}", response_model=BookPublic)
async def update_book(book_id: int, body: BookUpdate, user_id: UserId, session: SessionDep) -> object:
    book = await session.get(Book, book_id)
    if book is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such book")
    if book.owner_id != user_id:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Not your book")
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(book, name, value)
    await commit(session)
    return book


app = FastAPI()
app.include_router(router)
