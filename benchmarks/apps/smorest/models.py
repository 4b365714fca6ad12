"""The tables, as Flask-SQLAlchemy's documentation declares them."""

from datetime import date
from decimal import Decimal

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


class User(db.Model):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))


class Author(db.Model):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    country: Mapped[str] = mapped_column(String(2))


class Book(db.Model):
    __tablename__ = "books"
    __table_args__ = (
        CheckConstraint("pages > 0", name="pages_positive"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("rating BETWEEN 0 AND 5", name="rating_in_range"),
        Index("books_by_genre", "genre", "published", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    isbn: Mapped[str] = mapped_column(String(13), unique=True)
    genre: Mapped[str] = mapped_column(String(20))
    pages: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    rating: Mapped[float | None]
    published: Mapped[date]
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    author: Mapped[Author] = relationship()
