"""The one view set."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from shop.filters import BookFilter
from shop.models import Book
from shop.serializers import BookSerializer, BookWithAuthorSerializer


class IsOwnerOrReadOnly(BasePermission):
    def has_object_permission(self, request: Request, _view: Any, obj: Book) -> bool:
        return request.method in SAFE_METHODS or obj.owner_id == request.user.id


class BookViewSet(ModelViewSet):
    queryset = Book.objects.all()
    permission_classes = (IsAuthenticatedOrReadOnly, IsOwnerOrReadOnly)
    filterset_class = BookFilter
    ordering_fields = ("published", "title")
    ordering = ("-published",)

    def with_author(self) -> bool:
        return self.request.query_params.get("expand") == "author"

    def get_queryset(self) -> QuerySet[Book]:
        books = super().get_queryset()
        return books.select_related("author") if self.with_author() else books

    def get_serializer_class(self) -> type[BookSerializer]:
        return BookWithAuthorSerializer if self.with_author() else BookSerializer

    def perform_create(self, serializer: BaseSerializer[Book]) -> None:
        serializer.save(owner_id=self.request.user.id)
