"""What goes in and out, as marshmallow's documentation writes it."""

from decimal import Decimal

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range


def two_decimals(price: Decimal) -> None:
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -2:
        raise ValidationError("At most two decimals.")


class AuthorSchema(Schema):
    id = fields.Integer()
    name = fields.String()
    country = fields.String()


class BookSchema(Schema):
    id = fields.Integer(dump_only=True)
    title = fields.String(required=True, validate=Length(1, 200))
    isbn = fields.String(required=True, validate=Length(1, 13))
    genre = fields.String(required=True, validate=Length(1, 20))
    pages = fields.Integer(required=True, validate=Range(1, 2**31 - 1))
    price = fields.Decimal(required=True, as_string=True, validate=[Range(0, 99_999_999.99), two_decimals])
    rating = fields.Float(allow_none=True, load_default=None, validate=Range(0, 5))
    published = fields.Date(required=True)
    author_id = fields.Integer(required=True, validate=Range(1, 2**31 - 1))
    owner_id = fields.Integer(dump_only=True)


class BookWithAuthorSchema(BookSchema):
    author = fields.Nested(AuthorSchema)


class BookQuerySchema(Schema):
    genre = fields.String()
    published__lt = fields.Date()
    sort = fields.String(load_default="-published", validate=OneOf(["published", "-published", "title", "-title"]))
    limit = fields.Integer(load_default=20, validate=Range(1, 100))
    offset = fields.Integer(load_default=0, validate=Range(0))
