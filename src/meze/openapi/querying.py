"""The body of QUERY, as the schemas of its POST: OpenAPI 3.1 has no place for the method itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meze.openapi.audience import Seen
from meze.openapi.description import Json
from meze.openapi.names import Names
from meze.openapi.parameters import Parameters
from meze.openapi.schemas import Schemas, reference
from meze.openapi.values import operand_json
from meze.query.condition import CONDITIONS
from meze.query.operators import OPERATORS
from meze.query.parse import LIST_PARAMETERS
from meze.query.where import DEPTH, JOINING

_PARAMETERS = "#/components/parameters/"
GOING_ON = ("cursor", "page")
"""What may stand in the address besides."""


@dataclass(frozen=True, slots=True)
class QuerySchemas:
    """Makes the schemas of bodies that ask, from the parameters that say the same in an address."""

    parameters: Parameters
    schemas: Schemas

    def body(self, seen: Seen, names: Names) -> Json:
        """Add the schema of the body."""
        properties: Json = {"where": self._where(seen, names)}
        for name, place in self._said(seen).items():
            properties[name] = {"$ref": f"{place}/schema"}
        example: Json = {"limit": 5}
        asked = self._example(seen)
        if asked:
            example = {"where": {"or": [asked, {"not": asked}]}, **example}
        self.schemas.components[f"{names.singular}Query"] = {
            "type": "object",
            "description": "What a list is asked, as in an address, and `where` for what an address cannot say.",
            "properties": properties,
            "additionalProperties": False,
            "examples": [example],
        }
        return reference(f"{names.singular}Query")

    def going_on(self, seen: Seen) -> list[Json]:
        """Return the parameters that the address may have."""
        return [{"$ref": place} for name, place in self._said(seen).items() if name in GOING_ON]

    def _said(self, seen: Seen) -> dict[str, str]:
        """Return where the parameters of a list are described, by their names, filters aside."""
        places = [str(each["$ref"]) for each in self.parameters.listing(seen)]
        named = {str(self.parameters.components[place.removeprefix(_PARAMETERS)]["name"]): place for place in places}
        return {name: place for name, place in named.items() if name in LIST_PARAMETERS}

    def _where(self, seen: Seen, names: Names) -> Json:
        name = f"{names.singular}Where"
        itself = reference(name)
        properties: Json = {
            "and": {"type": "array", "items": itself, "description": "All of them hold."},
            "or": {"type": "array", "items": itself, "minItems": 1, "description": "At least one holds."},
            "not": {"allOf": [itself], "description": "The exact complement: false, or unknown because of a null."},
        }
        for field in seen.askable.values():
            for operator in (each for each in OPERATORS.values() if each.name in field.type.operators):
                said = operand_json(operator, field.type)
                if operator.name == "eq" and field.name not in JOINING:
                    properties[field.name] = said
                properties[f"{field.name}__{operator.name}"] = said
        schema: dict[str, Any] = {
            "type": "object",
            "description": f"Conditions, all of which hold. At most {CONDITIONS} together, {DEPTH} deep.",
            "properties": properties,
        }
        patterns = self.schemas.paths.filters(seen, operand_json, beyond={})
        if patterns:
            schema["patternProperties"] = patterns
        self.schemas.components[name] = {**schema, "additionalProperties": False}
        return itself

    @staticmethod
    def _example(seen: Seen) -> Json:
        for field in seen.askable.values():
            if "eq" in field.type.operators and not field.key and field.name not in JOINING:
                return {field.name: field.type.example}
        return {}
