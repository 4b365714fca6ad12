"""Explain a request: answer it as ever while it is watched, and ask the database what decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from meze.access.caller import Caller, Standing
from meze.access.policy import Policy
from meze.access.rule import EVERYBODY, Related, parts_of
from meze.access.scopes import permits
from meze.access.words import words
from meze.databases import DatabaseError
from meze.errors import NotFound, Problem
from meze.records.cost import Load
from meze.records.plan import LIMIT, ListPlan, RowPlan
from meze.records.records import Records
from meze.records.visit import Visit
from meze.resources.resource import Resource
from meze.verify.explain.decided import Deciding, Key
from meze.verify.explain.explanation import ClauseSeen, Explanation, RowSeen, RuleSeen
from meze.verify.explain.faults import Faults
from meze.verify.explain.masks import Masks
from meze.verify.explain.missing import missing_indexes
from meze.verify.explain.question import Question
from meze.verify.explain.statements import seen_of, tables_of, values_of
from meze.verify.explain.truth import Asked, asked, favourable, tables_asked, whole_rule
from meze.verify.explain.watch import Watch
from meze.verify.explain.writes import Writing


class Audience(Enum):
    """Who is told. TERMINAL has the program and its database at hand; SESSION is an admin who asks over HTTP."""

    TERMINAL = "terminal"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Answered:
    """How a request was answered; `problem` is what it ended by, if that was one."""

    status: int
    problem: Problem | None = None


Answer = Callable[[Records], Answered]
"""Answers the request with the records that it is given."""


class Explainer:
    """Explains requests of one caller to one audience."""

    def __init__(self, records: Records, caller: Caller, audience: Audience = Audience.TERMINAL) -> None:
        self._records = records
        self._planner = records.planner
        self._policy: Policy = records.planner.policy
        self._resources = records.planner.resources
        self._database = records.planner.database
        self._caller = caller
        self._audience = audience
        self._standing: Standing = self._policy.standing(caller)
        self._masks = Masks(self._resources, self._policy, self._standing if audience is Audience.SESSION else None)

    def read(self, question: Question, answer: Answer) -> Explanation:
        """Explain a request that only reads, which `answer` answers."""
        explanation = self._begun(question, ("read",))
        watch = Watch()
        answered = answer(watch.watching(self._records))
        watch.end()
        explanation.status = answered.status
        explanation.milliseconds = {name: seconds * 1000 for name, seconds in watch.steps.items()}
        open_ = self._audience is Audience.TERMINAL or self._reads_all(question.resource, watch)
        with self._records.slots.taken(Load(suspect=True)):
            self._asked_besides(explanation, question, watch, open_=open_)
        self._refusal(explanation, question, answered.problem)
        return explanation

    def _asked_besides(self, explanation: Explanation, question: Question, watch: Watch, *, open_: bool) -> None:
        """Ask the database what the answer itself did not. It takes its turn among what may be slow."""
        explanation.rules += tuple(self._rules_besides(question.resource, watch))
        here = self._audience is Audience.TERMINAL
        explanation.statements = seen_of(watch, self._database, self._masks, plans=open_, measured=here)
        if not open_:
            explanation.notes.append(
                "A resource that this asks gives the role admin no passage to some rows, so nothing is told of rows "
                "and of how many there are: ask at the terminal, with meze explain."
            )
        else:
            self._rows(explanation, question, watch)

    def write(self, question: Question, body: Any) -> Explanation:
        """Explain what the rules would say of a write. Nothing is changed."""
        actions = ("create",) if question.action == "create" else ("read", question.action)
        explanation = self._begun(question, actions)
        explanation.notes.append("Nothing was changed: only the rules were asked, and no constraint of the database.")
        watch = Watch()
        writing = Writing(watch.watching(self._records), watch, self._planner, self._masks)
        problem: Problem | None
        try:
            with self._database.reading() as connection:
                verdict = writing.verdict(question, self._caller, body, connection)
            explanation.rows, problem = verdict.rows, verdict.problem
        except Problem as refused:
            problem = refused
        if problem is not None:
            explanation.status = problem.status
        self._refusal(explanation, question, problem)
        return explanation

    def why(self, question: Question) -> Explanation:
        """Explain why the caller may, or may not, do `question.action` with one stored row."""
        actions = ("read",) if question.action == "read" else ("read", question.action)
        explanation = self._begun(question, actions)
        for action in actions:
            rows = self._of_rows(question.resource, [] if question.key is None else [question.key], action)
            explanation.rows += rows
        if not explanation.rows:
            explanation.notes.append(_no_such_row(question))
        return explanation

    def _begun(self, question: Question, actions: tuple[str, ...]) -> Explanation:
        resource = question.resource
        rules = tuple(RuleSeen(each, self._words(resource, each), resource.line_of(each)) for each in actions)
        return Explanation(str(question), described(self._caller), resource.name, question.action, rules)

    def _rules_besides(self, resource: Resource, watch: Watch) -> Iterator[RuleSeen]:
        """Yield the rules of the resources that the request reaches through relations."""
        of_rule = (part for part in parts_of(self._policy.declared(resource, "read")) if isinstance(part, Related))
        own = {resource.table.name, *(getattr(table, "name", "") for part in of_rule for table in part.tables)}
        tables = tables_of(watch) - own
        for each in self._resources:
            if each.table.name in tables:
                words_ = self._words(each, "read")
                yield RuleSeen(f"read of {each.name}", words_, each.line_of("read"))

    def _words(self, resource: Resource, action: str) -> str:
        return words(self._told(whole_rule(self._policy, resource, action)))

    def _told(self, rule: Any) -> Any:
        """Return the rule as it may be put in words to the audience."""
        return self._masks.masked(rule) if self._audience is Audience.SESSION else rule

    def _asked(self, resource: Resource, action: str) -> Asked:
        rule = whole_rule(self._policy, resource, action)
        return asked(resource, rule, self._standing, resource.line_of(action), self._told(rule))

    def _reads_all(self, resource: Resource, watch: Watch) -> bool:
        """Say whether the caller may read every row of all that the request names, so that numbers tell no secret.

        What the rule asks counts too: nothing of it is left for an admin, and its clauses are told row by row.
        """
        tables = tables_of(watch) | tables_asked(whole_rule(self._policy, resource, "read"))
        named = (each for each in self._resources if each.table.name in tables)
        return all(self._policy.rule(each, "read", self._standing) == EVERYBODY for each in named)

    def _visit(self, resource: Resource) -> Visit:
        return Visit(resource, self._caller, self._standing)

    def _of_rows(self, resource: Resource, keys: list[Key], action: str = "read") -> list[RowSeen]:
        lacking = None if permits(self._standing.scopes, resource.name, action) else f"{resource.name}:{action}"
        question = self._asked(resource, action)
        deciding = Deciding(self._planner, self._visit(resource), question, self._masks, action, lacking)
        with self._database.reading() as connection:
            return deciding.of_rows(keys, connection)

    def _rows(self, explanation: Explanation, question: Question, watch: Watch) -> None:
        """Tell by which clauses rows came in, and which kept others out."""
        if not watch.plans:
            return
        plan, resource = watch.plans[0].plan, question.resource
        if isinstance(plan, RowPlan):
            explanation.rows = self._of_rows(resource, [] if question.key is None else [question.key])
            explanation.returned = sum(row.allowed for row in explanation.rows)
            if not explanation.rows:
                explanation.notes.append(_no_such_row(question))
            return
        deciding = Deciding(self._planner, self._visit(resource), self._asked(resource, "read"), self._masks)
        main = plan.statements if isinstance(plan, ListPlan) else (plan.statement,)
        values = values_of(watch, main[0])
        if values is None:
            return
        steps = [step for each in explanation.statements[:1] for step in each.steps]
        explanation.indexes = missing_indexes(self._planner, self._visit(resource), plan.shape, steps)
        own = [ran for ran in watch.ran if any(ran.statement is each for each in main)]
        if not own:
            explanation.notes.append("It was refused before it ran, because of its plan.")
            return
        limit = int(values[LIMIT]) - 1
        page = [row for ran in own for row in ran.rows][:limit]
        explanation.returned = len(page)
        try:
            with self._database.reading() as connection:
                if isinstance(plan, ListPlan):
                    keys = [_key_of(plan, row) for row in page]
                    explanation.rows = deciding.of_rows(keys, connection)
                else:
                    explanation.let_in = deciding.groups(plan.shape, values, connection, kept_out=False)
                explanation.kept_out = deciding.groups(plan.shape, values, connection, kept_out=True)
        except DatabaseError as error:
            explanation.notes.append(
                f"The database did not tell which rows were kept out ({error.fault.kind.value}): "
                "narrow the request, or raise MEZE_STATEMENT_SECONDS."
            )

    def _refusal(self, explanation: Explanation, question: Question, problem: Problem | None) -> None:
        """Tell what a problem leaves unsaid, to whoever sits at the terminal."""
        if problem is None:
            return
        explanation.code = problem.code
        if self._audience is Audience.SESSION:
            return
        explanation.faults += [str(each.as_json("en")["detail"]) for each in problem.entries]
        explanation.faults += Faults(self._resources, self._policy, self._standing).of(
            problem, question.resource, question.action
        )
        if problem.status in (401, 403) and not explanation.rows:
            actions = ("create",) if question.action == "create" else ("read", question.action)
            for action in dict.fromkeys(actions):
                explanation.rows += self._whatever_the_row(question.resource, action)
        if isinstance(problem, NotFound) and question.bad_key:
            explanation.notes.append(_no_such_row(question))

    def _whatever_the_row(self, resource: Resource, action: str) -> list[RowSeen]:
        """Return the decision against a caller for whom no row can pass, whatever it holds."""
        if not permits(self._standing.scopes, resource.name, action):
            return []
        question = self._asked(resource, action)
        values = favourable(question)
        decision, truth = question.decide(values), question.truth(values)
        if decision.allowed:
            return []
        deciding = {each.path for each in decision.reasons}
        clauses = tuple(
            ClauseSeen(each, question.said(each, truth), each.path in deciding)
            for each in question.clauses
            if each.path in deciding
        )
        return [RowSeen("", f"{action}, whatever the row", False, clauses)]


def described(caller: Caller) -> str:
    """Return who a caller is, in words."""
    if caller.id is None:
        return "nobody"
    roles = f", roles {', '.join(sorted(caller.roles))}" if caller.roles else ""
    verified = "" if caller.email is not None else ", e-mail not verified"
    key = "" if caller.key is None else ", by an API key"
    return f"user {caller.id}{f' ({caller.name})' if caller.name else ''}{roles}{verified}{key}"


def _key_of(plan: ListPlan, row: Any) -> Key:
    """Return the key of a row of a list, which is among what it is sorted by."""
    own = {
        key.path.field: place
        for key, (place, _) in zip(plan.shape.sort, plan.sort, strict=True)
        if not key.path.relations
    }
    return tuple(row[own[part.name]] for part in plan.resource.key)


def _no_such_row(question: Question) -> str:
    if question.bad_key:
        key = ",".join(part.name for part in question.resource.key)
        return f"`{question.address}` is no key of {question.resource.name}, whose key is {key}."
    return f"There is no row {question.resource.name}/{question.address}: it is not hidden, it does not exist."
