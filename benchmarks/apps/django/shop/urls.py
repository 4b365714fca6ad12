"""The addresses."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from shop.views import BookViewSet

router = DefaultRouter(trailing_slash=False)
router.register("books", BookViewSet)

urlpatterns = [path("api/v1/", include(router.urls))]
