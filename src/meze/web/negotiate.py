"""Which language and which type of answer a client would like (RFC 9110 §12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from meze.errors import LANGUAGES, NotAcceptable

LONGEST_KEPT = 200
"""What was made of a header is remembered up to this length: clients could fill the memory with longer ones."""


def language_of(accept_language: str) -> str:
    """Return the language to answer in: the most wanted one of ours, or English."""
    return _language_of(accept_language) if len(accept_language) <= LONGEST_KEPT else _wanted(accept_language)


@lru_cache(512)
def _language_of(accept_language: str) -> str:
    return _wanted(accept_language)


def _wanted(accept_language: str) -> str:
    wanted = sorted(_weighted(accept_language), key=lambda pair: -pair[1])
    for tag, weight in wanted:
        primary = tag.split("-")[0]
        if weight > 0 and primary in LANGUAGES:
            return primary
    return LANGUAGES[0]


def accepts(accept: str, offered: str) -> bool:
    """Say whether `Accept` allows the media type `offered`; a missing header allows everything."""
    return _quality(accept, offered) > 0


def prefers_html(accept: str) -> bool:
    """Say whether the client would rather have a page than JSON, as browsers would."""
    return _quality(accept, "text/html") > _quality(accept, "application/json")


def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """Return the media type of `offered` that the client wants most, the first among equals; None if it takes none."""
    best = max(offered, key=lambda each: _quality(accept, each))
    return best if _quality(accept, best) > 0 else None


def require_json(accept: str, offered: Sequence[str] = ("application/json",)) -> None:
    """Refuse a client that takes nothing of what there is.

    Raises:
        NotAcceptable: it asks for other types only.
    """
    if accept and not any(accepts(accept, each) for each in offered):
        raise NotAcceptable(params={"offered": ", ".join(offered)})


def _quality(accept: str, offered: str) -> float:
    return _kept_quality(accept, offered) if len(accept) <= LONGEST_KEPT else _read_quality(accept, offered)


@lru_cache(512)
def _kept_quality(accept: str, offered: str) -> float:
    return _read_quality(accept, offered)


def _read_quality(accept: str, offered: str) -> float:
    if not accept.strip():
        return 1.0
    kind = offered.split("/")[0]
    found: dict[int, float] = {}
    for written, weight in _weighted(accept):
        for rank, match in enumerate(("*/*", f"{kind}/*", offered)):
            if written == match:
                found[rank] = max(found.get(rank, 0.0), weight)
    return found[max(found)] if found else 0.0


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for piece in header[:2000].lower().split(","):
        name, *parameters = (part.strip() for part in piece.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = min(1.0, max(0.0, float(parameter[2:])))
                except ValueError:
                    weight = 0.0
        if name:
            yield name, weight if weight == weight else 0.0
