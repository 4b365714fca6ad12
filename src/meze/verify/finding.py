"""What `meze verify` found: one answer that was not what the rules say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` says in one sentence what is wrong; `request` is the curl line that repeats it, `actor` who sent it."""

    door: str
    resource: str
    actor: str
    what: str
    expected: str
    got: str
    request: str

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
