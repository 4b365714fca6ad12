"""Know the caller by a bearer token from a table in memory, the same that the peers hold. Only for the benchmark."""

import json
import os
from pathlib import Path

from meze.access.caller import NOBODY, Caller
from meze.errors import Unauthenticated
from meze.web.messages import Request

USER_IDS: dict[str, int] = json.loads(Path(os.environ["BENCH_TOKENS"]).read_text())


def identify(request: Request) -> Caller:
    """Return the caller that the token names, or nobody without one.

    Raises:
        Unauthenticated: there is a token, and nobody has it.
    """
    header = request.headers.get("authorization")
    if header is None:
        return NOBODY
    user_id = USER_IDS.get(header.removeprefix("Bearer "))
    if user_id is None:
        raise Unauthenticated
    return Caller(id=user_id, credentials=True)
