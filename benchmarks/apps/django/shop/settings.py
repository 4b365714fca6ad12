"""An API without pages or sessions: what Django's start project has and no request here uses is left out."""

import os
from urllib.parse import parse_qs, urlsplit

SECRET_KEY = "of no use outside the benchmark, which signs nothing"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
APPEND_SLASH = False

INSTALLED_APPS = ["rest_framework", "django_filters", "shop"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["shop.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend", "shop.filters.StableOrdering"],
    "DEFAULT_PAGINATION_CLASS": "shop.filters.BookPagination",
    "ORDERING_PARAM": "sort",
    "UNAUTHENTICATED_USER": None,
}

address = urlsplit(os.environ["DATABASE_URL"])
if address.scheme == "sqlite":
    # Django's *SQLite notes*: WAL with synchronous=NORMAL, and write transactions that begin as such.
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": address.path[1:],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                "timeout": 20,
            },
        }
    }
else:
    # The driver's own pool, as Django's *PostgreSQL notes* advise; as many connections as the server has threads.
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": address.path[1:],
            "USER": address.username or parse_qs(address.query)["user"][0],
            "HOST": parse_qs(address.query)["host"][0],
            "OPTIONS": {"pool": {"min_size": 4, "max_size": 8}},
        }
    }
