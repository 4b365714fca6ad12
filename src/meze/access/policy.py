"""What the rules of all resources come to, for each kind of caller."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from meze.access.caller import ADMIN, NOBODY, Caller, Standing, standing_of
from meze.access.read import RuleReader
from meze.access.rule import (
    EVERYBODY,
    NOBODY_AT_ALL,
    Always,
    Compared,
    Related,
    Rule,
    every,
    fold,
    holds_for_some,
    or_admin,
    parts_of,
    roles_in,
)
from meze.access.scopes import deciding, permits, vocabulary
from meze.access.tenancy import Tenancy
from meze.access.tenancy_reading import membership_of, refuse_unknown_founder
from meze.errors import Forbidden, InsufficientScope, Mistake, Problem, Text, Unauthenticated
from meze.query.view import View
from meze.resources.registry import Registry
from meze.resources.resource import ACTIONS, Relation, Resource, nearest

_STANDINGS = 4096
_NEEDED = Text("This needs an API key with the scope '{scope}'.", "此操作需要具有权限范围“{scope}”的 API 密钥。")


class Policy:
    """Reads every rule once, refusing at start what is wrong, and folds them for whoever calls.

    `roles` are the declared ones; `admin` is always among them. `tenancy` keeps tenants apart, where there are any.
    """

    def __init__(self, resources: Registry, roles: frozenset[str], tenancy: Tenancy | None = None) -> None:
        self._resources = resources
        self.tenancy = tenancy
        self.roles = roles | {ADMIN}
        self._nobody = standing_of(NOBODY, self.roles)
        self.scopes = vocabulary(each.name for each in resources)
        self._rules: dict[tuple[str, str], Rule] = {}
        self._field_rules: dict[tuple[str, str, str], Rule] = {}
        for resource in resources:
            self._read(resource)
        self.rule = lru_cache(_STANDINGS)(self._rule)
        self.view = lru_cache(_STANDINGS)(self._view)
        self.writable = lru_cache(_STANDINGS)(self._writable)
        self.conditional = lru_cache(_STANDINGS)(self._conditional)
        self.grants = lru_cache(_STANDINGS)(self._grants)

    def standing(self, caller: Caller) -> Standing:
        """Return what of the caller can decide a rule: nothing that was not declared, so that plans stay few."""
        if caller is NOBODY:
            return self._nobody
        standing = standing_of(caller, self.roles)
        return standing if caller.scopes is None else standing._replace(scopes=deciding(caller.scopes, self.scopes))

    def declared(self, resource: Resource, action: str) -> Rule:
        """Return the rule as it was declared, before anything is known of the caller, the admin's passage included, and
        the membership that a tenant asks for."""
        rule = self._rules[resource.name, action]
        if self.tenancy is not None:
            return self.tenancy.bounded(rule, resource, action)
        return or_admin(rule) if resource.admin else rule

    def declared_field(self, resource: Resource, name: str, action: str) -> Rule:
        """Return the rule to `read` or `write` a field as it was declared, the admin's passage included."""
        return self._field_rules.get((resource.name, name, action), EVERYBODY)

    def possible(self, resource: Resource, action: str) -> bool:
        """Say whether any caller at all may ever do `action`; what is changed must be readable too."""
        asked = {action} if action == "create" else {"read", action}
        return all(self.declared(resource, each) != NOBODY_AT_ALL for each in asked)

    def field_rule(self, resource: Resource, name: str, action: str, standing: Standing) -> Rule:
        """Return what is left of the rule to `read` or `write` a field for such a caller.

        EVERYBODY: the field is open on every row; NOBODY_AT_ALL: it is as if it did not exist; else it is conditional.
        """
        return fold(self._field_rules.get((resource.name, name, action), EVERYBODY), standing)

    def _grants(self, resource: Resource, action: str, standing: Standing) -> bool:
        """Say whether such a caller may do `action` to any row at all; what is changed must be readable too."""
        asked = {action} if action == "create" else {"read", action}
        return all(self.rule(resource, each, standing) != NOBODY_AT_ALL for each in asked)

    def _rule(self, resource: Resource, action: str, standing: Standing) -> Rule:
        """Return what is left of a rule for such a caller: EVERYBODY, NOBODY_AT_ALL or a question to the row.

        What may be changed is what may be read: the rules of update and delete hold only together with that of read,
        which is asked beside them. What the scopes of a key do not reach is closed on every way that leads there.
        """
        if not permits(standing.scopes, resource.name, action):
            return NOBODY_AT_ALL
        folded = fold(self.declared(resource, action), standing)
        if self.tenancy is not None:
            folded = self.tenancy.once(folded)
        if resource.restriction is not None:
            folded = every(Compared(resource.restriction, frozenset()), folded)
        return folded

    def _view(self, resource: Resource, standing: Standing) -> View:
        """Return the fields and relations of a resource that such a caller may know of."""
        rules = {name: self.field_rule(resource, name, "read", standing) for name in resource.fields}
        fields = {name: each for name, each in resource.fields.items() if rules[name] != NOBODY_AT_ALL}
        askable = {name: each for name, each in fields.items() if rules[name] == EVERYBODY}
        relations = {}
        for name, relation in resource.relations.items():
            target = self._resources.of(relation.model)
            if target is not None and self._may_cross(resource, relation, target, standing):
                relations[name] = relation

        def related(name: str) -> View:
            target = self._resources.of(resource.relations[name].model)
            assert target is not None
            return self.view(target, standing)

        return View(resource, fields, askable, relations, related)

    def _may_cross(self, resource: Resource, relation: Relation, target: Resource, standing: Standing) -> bool:
        """Say whether such a caller may know of a relation: of its target, and of every column that it compares.

        Where a key leads would tell a hidden key. A table between that is no resource says nothing but who is related.
        """
        between = self._resources.of_table(relation.through)
        known = {each.table: each for each in (between, target, resource) if each is not None}
        if any(self.rule(each, "read", standing) == NOBODY_AT_ALL for each in (target, between) if each is not None):
            return False
        for column in relation.compared:
            of = known.get(column.table)
            field = of.field_of(column) if of is not None else None
            if column.table is relation.through and between is None:
                continue
            if of is None or field is None or self.field_rule(of, field.name, "read", standing) != EVERYBODY:
                return False
        return True

    def _writable(self, resource: Resource, standing: Standing) -> frozenset[str]:
        """Return the names of the fields that field rules let such a caller write, of some rows at least; keys and
        owners aside."""
        rules = {name: self.field_rule(resource, name, "write", standing) for name in resource.fields}
        return frozenset(name for name, rule in rules.items() if rule != NOBODY_AT_ALL)

    def _conditional(self, resource: Resource, action: str, standing: Standing) -> Mapping[str, Rule]:
        """Return what is left of the rules to `read` or `write` those fields of which the row has to be asked."""
        rules = {name: self.field_rule(resource, name, action, standing) for name in resource.field_rules}
        return MappingProxyType({name: rule for name, rule in rules.items() if not isinstance(rule, Always)})

    def refuse(self, standing: Standing) -> Problem:
        """Return the error for one who may not do a thing."""
        return Forbidden() if standing.signed_in else Unauthenticated()

    def refuse_every_row(self, resource: Resource, action: str, standing: Standing) -> Problem:
        """Return the error for one who may not do `action`, whatever the row; it tells where the key is to blame."""
        asked = (action,) if action in ("read", "create") else (action, "read")
        missing = next((each for each in asked if not permits(standing.scopes, resource.name, each)), None)
        unlimited = standing._replace(scopes=None)
        if missing is None or any(self.rule(resource, each, unlimited) == NOBODY_AT_ALL for each in asked):
            return self.refuse(standing)
        return InsufficientScope(_NEEDED, params={"scope": f"{resource.name}:{missing}"})

    def _read(self, resource: Resource) -> None:
        tenancy = self.tenancy
        membership = None if tenancy is None else lambda term: membership_of(term, resource, tenancy)
        reader = RuleReader(resource.table, resource.where, membership)
        for action in ACTIONS:
            written = resource.rules.get(action)
            rule = NOBODY_AT_ALL if written is None else reader.read(written)
            self._check_roles(rule, resource.where)
            self._rules[resource.name, action] = rule
        if tenancy is not None and tenancy.founded is not None and resource.table is tenancy.tenant:
            refuse_unknown_founder(self._rules[resource.name, "create"], resource)
        for name, rules in resource.field_rules.items():
            for action in ("read", "write"):
                written = getattr(rules, action)
                rule = EVERYBODY if written is None else reader.read(written)
                self._check_roles(rule, resource.where)
                if action == "read" and any(isinstance(part, Compared | Related) for part in parts_of(rule)):
                    _refuse_conditional(resource, name)
                if rules.hidden:
                    rule = NOBODY_AT_ALL
                elif resource.admin and holds_for_some(rule):
                    rule = or_admin(rule)
                self._field_rules[resource.name, name, action] = rule
            if rules.hidden:
                continue
            # What may not be read must not be written blindly either, unless its own rule says so.
            if rules.write is None and rules.read is not None:
                self._field_rules[resource.name, name, "write"] = self._field_rules[resource.name, name, "read"]

    def _check_roles(self, rule: Rule, where: str | None) -> None:
        for name in sorted(roles_in(rule) - self.roles):
            near = nearest(name, self.roles)
            hint = f'Did you mean role("{near}")? ' if near else ""
            raise Mistake(
                f'role("{name}") was not declared.',
                f'{hint}Declare it: Meze(app, Base, roles=("{name}",)).',
                where,
            )


def _refuse_conditional(resource: Resource, name: str) -> None:
    """Refuse to hide a field on some rows that every row is found, told apart or compared by."""
    field = resource.fields[name]
    parts = {
        "part of the key": field.key,
        "the version": field is resource.version,
        "the discriminator": field.column is resource.mapper.polymorphic_on,
    }
    what = next((each for each, so in parts.items() if so), None)
    if what is not None:
        raise Mistake(
            f"The rule to read the field {resource.name}.{name} asks the row, and the field is {what}.",
            "Let the caller alone decide it: anyone, signed_in, role(...).",
            resource.where,
        )
