"""The resources of one application, by name and by model."""

from __future__ import annotations

from collections.abc import Iterator

from meze.resources.resource import Resource


class Registry:
    """Filled while the program declares, read afterwards."""

    def __init__(self) -> None:
        self._by_name: dict[str, Resource] = {}
        self._by_model: dict[type, Resource] = {}

    def add(self, resource: Resource) -> None:
        self._by_name[resource.name] = resource
        self._by_model[resource.model] = resource

    def named(self, name: str) -> Resource | None:
        return self._by_name.get(name)

    def of(self, model: type) -> Resource | None:
        return self._by_model.get(model)

    def of_table(self, table: object) -> Resource | None:
        """Return a resource over `table`, the one of the class that maps it whole where several do."""
        found = [each for each in self._by_name.values() if each.table is table]
        return min(found, key=lambda each: each.restriction is not None, default=None)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_name.values())

    @property
    def served(self) -> tuple[Resource, ...]:
        return tuple(resource for resource in self if resource.served)
