"""What a refusal leaves unsaid: for whoever sits at the terminal of the program, and for nobody else.

A client is told that a field does not exist, whether it is hidden or was never there. Here the difference is told, with
the rule that closes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from meze.access.caller import Standing
from meze.access.policy import Policy
from meze.access.rule import EVERYBODY, NOBODY_AT_ALL
from meze.access.scopes import permits
from meze.access.words import words
from meze.errors import Entry, Problem
from meze.resources.registry import Registry
from meze.resources.resource import Field, Relation, Resource


class Faults:
    """Explains the problems of one caller's requests."""

    def __init__(self, resources: Registry, policy: Policy, standing: Standing) -> None:
        self._resources = resources
        self._policy = policy
        self._standing = standing

    def of(self, problem: Problem, resource: Resource, action: str) -> list[str]:
        """Return what is to be known of a problem that a request about `resource` ended by."""
        told = list(self._scope(resource, action)) if problem.status == 403 else []
        for entry in problem.entries:
            told += self._entry(entry, problem, resource)
        return list(dict.fromkeys(told))

    def _scope(self, resource: Resource, action: str) -> Iterator[str]:
        for each in dict.fromkeys((action,) if action == "create" else (action, "read")):
            if not permits(self._standing.scopes, resource.name, each):
                yield f"The scopes of the API key do not reach {resource.name}:{each}."

    def _entry(self, entry: Entry, problem: Problem, resource: Resource) -> Iterator[str]:
        name = str(entry.params.get("name") or problem.params.get("name") or _last(entry.pointer))
        of = (
            self._resources.named(str(entry.params.get("resource") or problem.params.get("resource") or "")) or resource
        )
        if entry.code == "closed":
            yield from self._closed(resource, _last(entry.pointer))
        elif entry.code == "unknown" and name == "q":
            yield from self._unsearchable(resource)
        elif entry.code == "unknown" and name in of.fields:
            yield from self._unreadable(of, of.fields[name])
        elif entry.code == "unknown" and name in of.relations:
            yield self._uncrossable(of, of.relations[name])
        elif entry.code == "unknown" and problem.code == "unknown_field":
            yield f"{of.name} has no field and no relation named {name}."

    def _unreadable(self, resource: Resource, field: Field) -> Iterator[str]:
        rules = resource.field_rules.get(field.name)
        left = self._policy.field_rule(resource, field.name, "read", self._standing)
        line = resource.line_of(f"fields.{field.name}")
        where = f" ({line})" if line else ""
        if rules is not None and rules.hidden:
            yield f"{resource.name}.{field.name} exists and is hidden from everyone{where}."
        elif left != EVERYBODY:
            rule = words(self._policy.declared_field(resource, field.name, "read"))
            how = (
                "this caller may not read it" if left == NOBODY_AT_ALL else "this caller may read it on some rows only"
            )
            yield f"{resource.name}.{field.name} exists, and {how}: its rule to read is {rule}{where}."
        else:
            yield f"{resource.name}.{field.name} exists and may be read, but does not belong there."

    def _uncrossable(self, resource: Resource, relation: Relation) -> str:
        what = f"{resource.name}.{relation.name} is a relation"
        target = self._resources.of(relation.model)
        if target is None:
            model = relation.model.__name__
            return f"{what} to {model}, which is no resource: api.resource({model}, …)."
        between = self._resources.of_table(relation.through)
        for each in (target, between):
            if each is not None and self._policy.rule(each, "read", self._standing) == NOBODY_AT_ALL:
                rule = words(self._policy.declared(each, "read"))
                line = each.line_of("read")
                return f"{what}, and this caller may read no row of {each.name}: {rule}" + (
                    f" ({line})." if line else "."
                )
        return f"{what}, and a column that it goes along is closed to this caller."

    def _unsearchable(self, resource: Resource) -> Iterator[str]:
        if not resource.search:
            yield f"{resource.name} declares no search=[…], so that q means nothing there."
        for field in resource.search:
            if self._policy.field_rule(resource, field.name, "read", self._standing) != EVERYBODY:
                yield from self._unreadable(resource, field)

    def _closed(self, resource: Resource, name: str) -> Iterator[str]:
        field = resource.fields.get(name)
        if field is None:
            return
        rules = resource.field_rules.get(name)
        if field is resource.owner:
            yield f"{resource.name}.{name} is filled with the caller's id: owner={name!r}."
        elif field.key or field.generated:
            yield f"{resource.name}.{name} is {'the key' if field.key else 'generated'}, and not a client's to choose."
        elif rules is not None and rules.create_only and name in resource.create_only:
            yield f"{resource.name}.{name} is given once, when a row is made: create_only."
        if self._policy.field_rule(resource, name, "write", self._standing) != EVERYBODY:
            rule = words(self._policy.declared_field(resource, name, "write"))
            line = resource.line_of(f"fields.{name}")
            yield f"The rule to write {resource.name}.{name} is {rule}" + (f" ({line})." if line else ".")


def _last(pointer: str | None) -> str:
    """Return the name that a JSON pointer ends in."""
    return (pointer or "").rpartition("/")[2].replace("~1", "/").replace("~0", "~")
