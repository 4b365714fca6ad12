"""The tables, as Django's documentation declares them."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint


class User(models.Model):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)

    class Meta:
        db_table = "users"


class Author(models.Model):
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2)

    class Meta:
        db_table = "authors"


class Book(models.Model):
    title = models.CharField(max_length=200)
    # Unique by a constraint: `unique=True` would cost PostgreSQL a second index, for LIKE, that the others lack.
    isbn = models.CharField(max_length=13)
    genre = models.CharField(max_length=20)
    pages = models.IntegerField(validators=[MinValueValidator(1)])
    price = models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    rating = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(5)])
    published = models.DateField()
    author = models.ForeignKey(Author, on_delete=models.PROTECT)
    owner = models.ForeignKey(User, on_delete=models.CASCADE)

    class Meta:
        db_table = "books"
        constraints = (
            UniqueConstraint(fields=["isbn"], name="isbn_unique"),
            CheckConstraint(condition=Q(pages__gt=0), name="pages_positive"),
            CheckConstraint(condition=Q(price__gte=0), name="price_not_negative"),
            CheckConstraint(condition=Q(rating__range=(0, 5)), name="rating_in_range"),
        )
        indexes = (Index(fields=["genre", "published", "id"], name="books_by_genre"),)
