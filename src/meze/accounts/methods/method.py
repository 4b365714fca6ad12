"""What a way to prove who one is looks like to those who ask for a proof."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol


class Stage(Enum):
    """When a proof is asked for."""

    FIRST = "first"  # it begins a sign-in
    SECOND = "second"  # after a first one, where the account asks for it


class Claim(NamedTuple):
    """Who somebody says they are.

    `user_id` is None where no account has the address that was given, and where the proof itself tells whose it is.
    `email` is that address in its canonical form.
    """

    user_id: int | None = None
    email: str = ""


class Method(Protocol):
    """One way to prove who one is: a file of this package and a row of METHODS."""

    def prove(self, claim: Claim, proof: str) -> int | None:
        """Return the id of the user whom `proof` is good for, None where it is good for nobody.

        What is good once is used up by it. Opens transactions of its own, so it is never called inside one. Takes as
        long for an account that does not exist, or may not sign in, as for one that does.
        """
        ...
