"""Books with FastAPI as far as it can be tuned by hand: its routing and its middleware are all that is left of it.

Routes are Starlette's, so that no parameter is solved and no pydantic model is met. Bodies and answers are msgspec's,
statements are written by hand and prepared, and each request is one statement.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from books import Book, BookChange, BookQuery, BookToCreate, BookWithAuthor
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from storage import Refused, Storage, open_storage

USER_IDS: dict[bytes, int] = {
    b"Bearer " + token.encode(): user_id
    for token, user_id in json.loads(Path(os.environ["BENCH_TOKENS"]).read_text()).items()
}

encode = msgspec.json.Encoder().encode
decode_create = msgspec.json.Decoder(BookToCreate).decode
decode_change = msgspec.json.Decoder(BookChange).decode
storage: Storage


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    global storage
    storage = await open_storage(os.environ["DATABASE_URL"])
    yield
    await storage.close()


def answer(content: Any, status: int = 200) -> Response:
    return Response(encode(content), status, media_type="application/json")


def refuse(status: int, detail: str) -> Response:
    return answer({"detail": detail}, status)


def user_of(request: Request) -> int | None:
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            return USER_IDS.get(value)
    return None


async def read_book(request: Request) -> Response:
    row = await storage.read(request.path_params["book_id"])
    return refuse(404, "No such book") if row is None else answer(Book(*row))


async def list_books(request: Request) -> Response:
    try:
        query = msgspec.convert(dict(parse_qsl(request.scope["query_string"].decode())), BookQuery, strict=False)
    except msgspec.ValidationError as error:
        return refuse(422, str(error))
    rows = await storage.page(query)
    return answer([BookWithAuthor.of(*row) for row in rows] if query.expand else [Book(*row) for row in rows])


async def create_book(request: Request) -> Response:
    user_id = user_of(request)
    if user_id is None:
        return refuse(401, "Not signed in")
    try:
        row = await storage.create(decode_create(await request.body()), user_id)
    except msgspec.DecodeError as error:
        return refuse(422, str(error))
    except Refused as error:
        return refuse(409, str(error))
    return answer(Book(*row), 201)


async def update_book(request: Request) -> Response:
    user_id, book_id = user_of(request), request.path_params["book_id"]
    if user_id is None:
        return refuse(401, "Not signed in")
    try:
        change = decode_change(await request.body())
        row = await storage.update(book_id, user_id, change)
    except msgspec.DecodeError as error:
        return refuse(422, str(error))
    except Refused as error:
        return refuse(409, str(error))
    if row is not None:
        return answer(Book(*row))
    # Only now, so that what is allowed costs one statement.
    return refuse(404, "No such book") if await storage.read(book_id) is None else refuse(403, "Not your book")


app = FastAPI(openapi_url=None, lifespan=lifespan)
app.add_route("/api/v1/books", list_books, methods=["GET"])
app.add_route("/api/v1/books", create_book, methods=["POST"])
app.add_route("/api/v1/books/{book_id:int}", read_book, methods=["GET"])
app.add_route("/api/v1/books/{book_id:int}", update_book, methods=["PATCH"])
