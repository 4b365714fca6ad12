"""One call of an endpoint of the accounts, as its handler gets it: who calls, from where, and what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from meze.access.caller import Caller
from meze.accounts.bodies import Shape
from meze.accounts.sign_in import Carrier
from meze.accounts.visitor import Visitor
from meze.web.messages import Request, Response


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """`body` is of the endpoint's shape, `id` the number in its address; `carrier` is what a new session comes as."""

    request: Request
    visitor: Visitor
    body: Any = None
    id: int = 0
    carrier: Carrier = Carrier.TOKENS

    @property
    def caller(self) -> Caller:
        return self.request.caller

    @property
    def user_id(self) -> int:
        """The id of the caller, whom the endpoint asks to be signed in."""
        assert self.caller.id is not None
        return self.caller.id

    def sent(self, *names: str) -> dict[str, Any]:
        """Return the members of the body that were sent, of `names`: in a merge patch the others stay as they are."""
        body: Shape = self.body
        return {name: getattr(body, name) for name in names if name in body.model_fields_set}


def answered(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(status, msgspec.json.encode(document), headers=dict(headers or {}))
