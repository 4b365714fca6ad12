"""Resource → OpenAPI 3.1, from the same objects that execute."""

from meze.openapi.description import Description
from meze.openapi.document import document

__all__ = ["Description", "document"]
