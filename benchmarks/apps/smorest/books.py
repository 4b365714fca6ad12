"""The views of books."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint, abort
from models import Author, Book, db
from schemas import BookQuerySchema, BookSchema, BookWithAuthorSchema
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

blueprint = Blueprint("books", __name__, url_prefix="/api/v1/books")


def get_user_id() -> int:
    authorization = request.authorization
    token = authorization.token if authorization and authorization.type == "bearer" else None
    if token not in USER_IDS:
        abort(401, message="Not signed in", headers={"WWW-Authenticate": "Bearer"})
    return USER_IDS[token]


def page_of_books(query: Mapping[str, Any]) -> Select[tuple[Book]]:
    statement = select(Book)
    if "genre" in query:
        statement = statement.where(Book.genre == query["genre"])
    if "published__lt" in query:
        statement = statement.where(Book.published < query["published__lt"])
    return statement.order_by(*SORTS[query["sort"]]).limit(query["limit"]).offset(query["offset"])


def commit() -> None:
    try:
        db.session.commit()
    except IntegrityError:
        abort(409, message="The ISBN is taken, or there is no such author")


@blueprint.route("")
class Books(MethodView):
    @blueprint.arguments(BookQuerySchema, location="query")
    @blueprint.response(200, BookSchema(many=True))
    def get(self, query: Mapping[str, Any]) -> Sequence[Book]:
        return db.session.scalars(page_of_books(query)).all()

    @blueprint.arguments(BookSchema)
    @blueprint.response(201, BookSchema)
    def post(self, new: Mapping[str, Any]) -> Book:
        book = Book(**new, owner_id=get_user_id())
        db.session.add(book)
        commit()
        return book


@blueprint.route("/with-author")
class BooksWithAuthor(MethodView):
    @blueprint.arguments(BookQuerySchema, location="query")
    @blueprint.response(200, BookWithAuthorSchema(many=True))
    def get(self, query: Mapping[str, Any]) -> Sequence[Book]:
        return db.session.scalars(page_of_books(query).join(Author).options(contains_eager(Book.author))).all()


@blueprint.route("/<int:book_id>")
class OneBook(MethodView):
    @blueprint.response(200, BookSchema)
    def get(self, book_id: int) -> Book:
        return db.get_or_404(Book, book_id)

    # A value that is left out stays as it is; `partial` leaves `load_default` out too.
    @blueprint.arguments(BookSchema(partial=True))
    @blueprint.response(200, BookSchema)
    def patch(self, changes: Mapping[str, Any], book_id: int) -> Book:
        user_id = get_user_id()
        book = db.get_or_404(Book, book_id)
        if book.owner_id != user_id:
            abort(403, message="Not your book")
        for name, value in changes.items():
            setattr(book, name, value)
        commit()
        return book
