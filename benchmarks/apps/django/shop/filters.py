"""Filtering, ordering and pages of a list."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from shop.models import Book


class BookFilter(FilterSet):
    class Meta:
        model = Book
        fields = {"genre": ["exact"], "published": ["lt"]}  # noqa: RUF012 - as django-filter documents it


class StableOrdering(OrderingFilter):
    """Add the key to the order: a cursor needs a total one."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> list[str]:
        ordering = list(super().get_ordering(request, queryset, view))
        return [*ordering, "-id" if ordering[-1].startswith("-") else "id"]


class BookPagination(CursorPagination):
    """Pages by cursor, which the documentation advises for large tables: no COUNT, no OFFSET."""

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
