"""Know the caller by a bearer token from a table in memory, the same that the other applications hold."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

USER_IDS: dict[str, int] = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text())


@dataclass(frozen=True, slots=True)
class Caller:
    id: int
    is_authenticated: bool = True


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        user_id = USER_IDS.get(token)
        if user_id is None:
            raise AuthenticationFailed("Invalid token.")
        return Caller(user_id), None

    def authenticate_header(self, _request: Request) -> str:
        return "Bearer"
