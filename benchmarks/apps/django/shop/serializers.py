"""What goes in and out."""

from rest_framework import serializers

from shop.models import Author, Book


class AuthorSerializer(serializers.ModelSerializer):
    class Meta:
        model = Author
        fields = ("id", "name", "country")


class BookSerializer(serializers.ModelSerializer):
    author_id = serializers.PrimaryKeyRelatedField(source="author", queryset=Author.objects.all())
    owner_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = Book
        fields: tuple[str, ...] = (
            "id", "title", "isbn", "genre", "pages", "price", "rating", "published", "author_id", "owner_id",
        )  # fmt: skip


class BookWithAuthorSerializer(BookSerializer):
    author = AuthorSerializer(read_only=True)

    class Meta(BookSerializer.Meta):
        fields = (*BookSerializer.Meta.fields, "author")
