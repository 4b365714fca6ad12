"""Faults planted in the platform, one at a time: what `meze verify` must find.

A mutant is an edit of one file under src/meze: `old` stands there exactly once. Each is a mistake that a change of the
platform could make, in rules, in the statements that carry them, or in what is told of what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`name` says what is wrong once `old` is `new`. `program` is the one of PROGRAMS that it shows in, `database` the
    kind of database."""

    name: str
    file: str
    old: str
    new: str
    program: str = "notes"
    database: str = "sqlite"


RULES = (
    Mutant(
        "null-me-passes-where-negated",
        "access/rule.py",
        "return Always(not positive) if null else rule",
        "return Always(False) if null else rule",
    ),
    Mutant("any-role-counts-for-another", "access/rule.py", "rule.name in standing.roles", "bool(standing.roles)"),
    Mutant(
        "everyone-counts-as-signed-in", "access/rule.py", "return Always(standing.signed_in)", "return Always(True)"
    ),
    Mutant(
        "and-is-read-as-or",
        "access/rule.py",
        "return and_(*(lower(part, tables) for part in rule.parts))",
        "return or_(*(lower(part, tables) for part in rule.parts))",
    ),
    Mutant(
        "not-is-dropped", "access/rule.py", "return not_(lower(rule.part, tables))", "return lower(rule.part, tables)"
    ),
    Mutant(
        "has-asks-only-that-there-is-a-row",
        "access/rule.py",
        "found = select(1).select_from(*rule.tables).where(lower(rule.where, inner))",
        "found = select(1).select_from(*rule.tables)",
    ),
    Mutant(
        "admins-pass-where-they-may-not",
        "access/policy.py",
        "return or_admin(rule) if resource.admin else rule",
        "return or_admin(rule)",
    ),
    Mutant(
        "admins-pass-nowhere",
        "access/policy.py",
        "return or_admin(rule) if resource.admin else rule",
        "return rule",
    ),
    Mutant(
        "other-classes-of-the-table-are-served",
        "access/policy.py",
        "if resource.restriction is not None:",
        "if False:",
    ),
    Mutant(
        "scopes-of-keys-are-ignored",
        "access/policy.py",
        "if not permits(standing.scopes, resource.name, action):",
        "if False:",
    ),
    Mutant(
        "the-scope-read-writes",
        "access/scopes.py",
        '"read": frozenset({"read"}),',
        '"read": frozenset(ACTIONS),',
    ),
    Mutant(
        "nobody-is-forbidden-rather-than-asked-to-sign-in",
        "access/policy.py",
        "return Forbidden() if standing.signed_in else Unauthenticated()",
        "return Forbidden()",
    ),
    Mutant("me-is-always-the-first-user", "records/visit.py", "{_MY_ID: caller.id,", "{_MY_ID: 1,"),
    Mutant(
        "an-address-that-nobody-proved-counts",
        "accounts/callers.py",
        "            email=_proved(session.person),\n            name=session.person.name,",
        "            email=session.person.email,\n            name=session.person.name,",
    ),
)

FIELDS = (
    Mutant(
        "hidden-fields-are-shown",
        "access/policy.py",
        "                if rules.hidden:\n                    rule = NOBODY_AT_ALL",
        "                if rules.hidden:\n                    rule = EVERYBODY",
    ),
    Mutant(
        "hidden-fields-can-be-asked-about",
        "query/view.py",
        "if pieces and pieces[0] in fields_of(view):",
        "if pieces and pieces[0] in view.resource.fields:",
    ),
    Mutant(
        "hidden-names-are-suggested",
        "query/view.py",
        "near = nearest(name, (*fields, *view.relations))",
        "near = nearest(name, (*view.resource.fields, *view.relations))",
    ),
    Mutant(
        "hidden-names-are-suggested-in-bodies",
        "records/check.py",
        "None if view is None else nearest(name[:LONGEST_NAME], view.fields)",
        "None if view is None else nearest(name[:LONGEST_NAME], self.resource.fields)",
    ),
    Mutant(
        "hidden-fields-are-told-from-unknown-ones-in-bodies",
        "records/check.py",
        "if each is None or (name not in open_names and name not in view.fields):",
        "if each is None:",
    ),
    Mutant(
        "a-change-to-a-closed-field-is-dropped-silently",
        "records/refusals.py",
        "if not hasattr(shown, name) or _on_wire(resource, name, value) != _meaning(getattr(shown, name))",
        "if False",
    ),
    Mutant(
        "closed-fields-of-new-rows-are-dropped-silently",
        "records/check.py",
        "            if not owned or sent != caller.id:\n",
        "            if False:\n",
    ),
    Mutant(
        "generated-fields-can-be-set",
        "records/check.py",
        "            and not each.generated\n",
        "",
    ),
    Mutant("the-owner-can-be-given", "records/check.py", "            and each is not owner\n", ""),
    Mutant(
        "the-owner-is-not-filled-in",
        "records/changes.py",
        "values[resource.owner.name] = caller.id",
        "values.setdefault(resource.owner.name, 1)",
    ),
    Mutant(
        "keys-can-be-changed",
        "records/check.py",
        "and (not each.key or (creating and self.resource.chosen_key))",
        "and True",
    ),
    Mutant(
        "relations-over-hidden-keys-can-be-crossed",
        "access/policy.py",
        '            if of is None or field is None or self.field_rule(of, field.name, "read", standing) != EVERYBODY:',
        "            if False:",
    ),
    Mutant(
        "conditional-fields-are-shown-on-every-row",
        "records/select.py",
        "        if rule is None:\n            return column\n",
        "        if True:\n            return column\n",
    ),
    Mutant(
        "conditional-fields-can-be-asked-about",
        "access/policy.py",
        "askable = {name: each for name, each in fields.items() if rules[name] == EVERYBODY}",
        "askable = fields",
    ),
    Mutant(
        "conditional-fields-are-written-without-asking-the-row",
        "records/write.py",
        "        conditions += [lower(each, {}) for each in self.asked.values()]\n",
        "",
    ),
    Mutant(
        "fields-that-are-given-once-can-be-changed",
        "records/check.py",
        "                and (creating or name not in self._create_only)\n",
        "",
    ),
    Mutant(
        "rules-of-fields-do-not-count-for-writing",
        "access/policy.py",
        "return frozenset(name for name, rule in rules.items() if rule != NOBODY_AT_ALL)",
        "return frozenset(rules)",
    ),
)

READS = (
    Mutant(
        "lists-do-not-ask-the-rule",
        "records/plan.py",
        "conditions = [grounds.readable(resource, source.table)]",
        "conditions: list[Any] = []",
    ),
    Mutant(
        "count-does-not-ask-the-rule",
        "records/plan.py",
        "select(func.count()).select_from(source.clause).where(*conditions)",
        "select(func.count()).select_from(source.clause).where(*conditions[1:])",
    ),
    Mutant(
        "one-row-does-not-ask-the-rule",
        "records/plan.py",
        "where(*by_key(resource), grounds.readable(resource, source.table))",
        "where(*by_key(resource))",
    ),
    Mutant(
        "related-rows-do-not-ask-the-rule",
        "records/source.py",
        "condition = and_(relation.joined(parent, table), self.grounds.readable(target, table))",
        "condition = relation.joined(parent, table)",
    ),
    Mutant(
        "paths-to-many-meet-hidden-rows",
        "records/source.py",
        "conditions = [self.grounds.readable(target, inner.table), *inner.conditions(rest)]",
        "conditions = [*inner.conditions(rest)]",
    ),
    Mutant(
        "the-page-after-an-embedded-list-forgets-the-parent",
        "records/source.py",
        "visible = self.grounds.readable(parent, near)",
        "visible = true()",
    ),
    Mutant(
        "search-does-not-ask-the-rule",
        "records/plan.py",
        "conditions.append(search_index(resource).matching(source.table, self.database))",
        "conditions = [search_index(resource).matching(source.table, self.database)]",
    ),
    Mutant(
        "aggregates-do-not-ask-the-rule",
        "records/aggregates.py",
        "conditions = [grounds.readable(resource, source.table), *source.conditions(shape.conditions)]",
        "conditions = [*source.conditions(shape.conditions)]",
    ),
    Mutant(
        "exports-are-read-as-an-admin",
        "records/export.py",
        "partial(self._planner.rows, visit.resource, visit.standing, shape)",
        'partial(self._planner.rows, visit.resource, visit.standing._replace(roles=frozenset({"admin"})), shape)',
    ),
    Mutant(
        "not-is-no-complement-where-null",
        "records/source.py",
        "return self._alone(condition.member).is_not(true())",
        "return not_(self._alone(condition.member))",
    ),
    Mutant(
        "alternatives-are-read-as-and",
        "records/source.py",
        "return or_(*(self._alone(member) for member in condition.members))",
        "return and_(*(self._alone(member) for member in condition.members))",
    ),
    Mutant(
        "isnull-is-turned-round",
        "records/source.py",
        "return column.is_(None) if compare.flag else column.is_not(None)",
        "return column.is_not(None) if compare.flag else column.is_(None)",
    ),
    Mutant(
        "pages-repeat-a-row",
        "records/keyset.py",
        "left < right if keys[0].descending else left > right",
        "left <= right if keys[0].descending else left >= right",
    ),
    Mutant(
        "pages-lose-the-rows-with-nulls",
        "records/keyset.py",
        "return [greater, key.column.is_(None)] if key.nullable else [greater]",
        "return [greater]",
    ),
    Mutant(
        "the-last-page-promises-another",
        "records/run.py",
        "cursor, more = None, None",
        'cursor, more = None, ""',
    ),
    Mutant(
        "cursors-open-other-questions",
        "query/parse.py",
        "return hashlib.blake2b(msgspec.json.encode((name, filtered, search, order)), digest_size=16).digest()",
        'return b""',
    ),
    Mutant(
        "entity-tags-never-change",
        "records/reads.py",
        "tag, body = digest(whole), whole",
        'tag, body = digest(b""), whole',
    ),
    Mutant(
        "if-none-match-is-always-met",
        "web/preconditions.py",
        'return header.strip() == "*" or etag in tags_of(header, "If-None-Match")',
        "return True",
    ),
    Mutant(
        "who-may-read-no-row-gets-an-empty-list",
        "records/records.py",
        "if not self._policy.grants(resource, action, standing):",
        "if False:",
    ),
)

WRITES = (
    Mutant(
        "create-does-not-ask-the-rule",
        "records/write.py",
        'rule = self.planner.policy.rule(self.resource, "create", self.standing)\n        conditions =',
        "rule = EVERYBODY\n        conditions =",
    ),
    Mutant(
        "foreign-keys-may-point-at-hidden-rows",
        "records/foreign_keys.py",
        "            if not self._points_anywhere(constraint, old)\n",
        "            if False\n",
    ),
    Mutant(
        "update-asks-the-old-row-only",
        "records/write.py",
        "            after.append(lower(rule, {self.table: row}))\n",
        "            pass\n",
    ),
    Mutant(
        "update-asks-the-new-row-only",
        "records/write.py",
        'conditions = [*by_key(self.resource), *self._old("update")]',
        "conditions = [*by_key(self.resource)]",
    ),
    Mutant(
        "what-may-not-be-read-may-be-changed",
        "records/write.py",
        'for each in ("read", action)]',
        "for each in (action,)]",
    ),
    Mutant(
        "delete-does-not-ask-the-rule",
        "records/write.py",
        'removed = delete(self.table).where(*by_key(self.resource), *self._old("delete")).returning(*keys)',
        "removed = delete(self.table).where(*by_key(self.resource)).returning(*keys)",
    ),
    Mutant(
        "hidden-rows-are-told-from-missing-ones",
        "records/refusals.py",
        "return self._policy.refuse(visit.standing) if visible else NotFound()",
        "return self._policy.refuse(visit.standing)",
    ),
    Mutant(
        "rows-that-may-not-be-changed-are-missing",
        "records/refusals.py",
        "return self._policy.refuse(visit.standing) if visible else NotFound()",
        "return NotFound()",
    ),
    Mutant(
        "the-answer-to-a-write-shows-what-may-not-be-read",
        "records/writes.py",
        "        if not row[len(key)]:\n",
        "        if False:\n",
    ),
    Mutant(
        "if-match-is-not-compared",
        "records/refusals.py",
        "if match is not None and not match.any and digest(encode(shown)) not in match.tags:",
        "if False:",
    ),
    Mutant(
        "if-match-is-not-required",
        "records/writes.py",
        "    if resource.require_match and match is None:\n",
        "    if False:\n",
    ),
    Mutant(
        "a-bad-foreign-key-is-forbidden-rather-than-invalid",
        "records/refusals.py",
        "if not any(name in kept for name in question.fields) and not connection.rows(question.statement, bound)",
        "if False",
    ),
    Mutant(
        "if-none-match-replaces-what-is-there",
        "records/place.py",
        "if unless is not None and (unless.any or tag in unless.tags):",
        "if False:",
    ),
    Mutant(
        "deleting-by-filter-does-not-ask-who-may-read",
        "records/delete.py",
        "wanted = [grounds.readable(resource, source.table), *source.conditions(conditions)]",
        "wanted = [*source.conditions(conditions)]",
    ),
    Mutant(
        "deleting-by-filter-does-not-ask-who-may-delete",
        "records/bulk.py",
        "            if not all(may for *_, may in found):\n",
        "            if False:\n",
    ),
    Mutant(
        "several-rows-are-kept-though-one-was-refused",
        "records/bulk.py",
        "                if not rows:\n                    raise _Refused\n                yield rows[0]",
        "                yield rows[0] if rows else [next(iter(some[0].bound.values()))]",
    ),
    Mutant(
        "arrays-change-rows-without-their-tags",
        "records/bulk.py",
        'match = Match(frozenset((tag.partition(".")[0],)))',
        "match = None",
    ),
    Mutant(
        "a-refused-delete-is-told-as-done",
        "records/writes.py",
        "            if not rows:\n                raise self._refusals.absent_or_forbidden(visit, key, connection)\n"
        "            return rows[0]",
        "            return rows[0] if rows else ()",
    ),
    Mutant(
        "a-conflict-names-what-still-refers",
        "records/lending.py",
        'known = (each for each in found if self._policy.rule(each, "read", visit.standing) != NOBODY_AT_ALL)',
        "known = iter(found)",
        database="postgresql",  # SQLite does not say what refers to a row
    ),
)

TENANTS = (
    Mutant(
        "tenants-are-not-kept-apart",
        "access/tenancy.py",
        "        if not self.bounds(resource, action):\n",
        "        if True:\n",
        "firms",
    ),
    Mutant(
        "every-role-in-a-tenant-counts-for-another",
        "access/tenancy.py",
        "        if as_roles is not None:\n",
        "        if False:\n",
        "studio",
    ),
    Mutant(
        "the-membership-of-anyone-counts",
        "access/tenancy.py",
        "self.members.c[self.user.key] == me.id",
        "self.members.c[self.user.key] != me.id",
        "studio",
    ),
    Mutant(
        "foreign-keys-may-lead-to-another-tenant",
        "records/foreign_keys.py",
        "if tenancy is not None and self._stays(constraint, target, old):",
        "if False:",
        "studio",
    ),
    Mutant(
        "who-makes-a-tenant-is-not-its-member",
        "records/writes.py",
        "if tenancy is not None and tenancy.founded is not None and resource.table is tenancy.tenant:",
        "if False:",
        "studio",
    ),
)

MUTANTS = (*RULES, *FIELDS, *READS, *WRITES, *TENANTS)
