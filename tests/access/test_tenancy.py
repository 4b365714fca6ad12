"""What `api.tenant(...)` finds, what it makes of rules, and what it refuses at start. No database is asked."""

import enum
from pathlib import Path

import pytest
from sqlalchemy import Enum, ForeignKey, ForeignKeyConstraint, Integer, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import FieldRules, Meze, anyone, role, signed_in
from meze.access.caller import Standing
from meze.access.policy import Policy
from meze.access.tenancy_reading import read_tenancy
from meze.access.words import words
from meze.accounts.declared import declarations
from meze.databases.own import add_tables
from meze.errors import Mistake
from meze.resources.declare import build

HERE = Path(__file__).name
MEMBER = Standing(True, True, frozenset())
ADMIN = Standing(True, True, frozenset({"admin"}))
NOBODY = Standing(False, False, frozenset())


class Role(enum.Enum):
    OWNER = "owner"
    EDITOR = "editor"


class World:
    """Studios with members and projects; each test adds what it is about."""

    def __init__(self):
        class Base(DeclarativeBase):
            pass

        class Studio(Base):
            __tablename__ = "studios"
            id: Mapped[int] = mapped_column(primary_key=True)
            slug: Mapped[str] = mapped_column(String(20), unique=True)

        class Membership(Base):
            __tablename__ = "memberships"
            id: Mapped[int] = mapped_column(primary_key=True)
            studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"))
            user_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id"))
            role: Mapped[str] = mapped_column(Enum("owner", "editor", name="roles"))

        class Project(Base):
            __tablename__ = "projects"
            __table_args__ = (UniqueConstraint("studio_id", "id"),)
            id: Mapped[int] = mapped_column(primary_key=True)
            studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id"))
            budget: Mapped[int | None]
            studio: Mapped[Studio] = relationship(Studio)

        self.Base, self.Studio, self.Membership, self.Project = Base, Studio, Membership, Project
        self.api = Meze(roles=("editor",))

    def model(self, table, *constraints, **targets):
        """Return a model with columns that refer to these targets (`?`: they may be null), or to nothing (True)."""
        columns = {
            name: mapped_column(
                Integer,
                *([] if target is True else [ForeignKey(target.removesuffix("?"))]),
                nullable=target is not True and target.endswith("?"),
            )
            for name, target in targets.items()
        }
        own = {"__tablename__": table, "__table_args__": constraints, "id": mapped_column(Integer, primary_key=True)}
        return type(table.title(), (self.Base,), {**own, **columns})

    def seal(self):
        """Read all that was declared, as an app does when it is complete."""
        add_tables(self.Base.metadata)
        self.resources = build((*self.api.declarations, *declarations()), self.Base.metadata, "sqlite", lambda _: 64)
        self.tenancy = read_tenancy(self.api.tenancy, self.resources)
        self.policy = Policy(self.resources, self.api.roles, self.tenancy)
        return self

    def way(self, name):
        """Return the columns by which a resource belongs to a tenant."""
        steps = self.tenancy.ways[name].steps
        return [f"{step.table.name}.{','.join(step.column_keys)}" for step in steps]

    def rule(self, name, action, standing=MEMBER):
        return words(self.policy.rule(self.resources.named(name), action, standing))


@pytest.fixture
def world():
    return World()


def refusal_of(world):
    with pytest.raises(Mistake) as refusal:
        world.seal()
    assert HERE in str(refusal.value), "it names the file and line"
    return str(refusal.value)


def test_every_rule_of_what_belongs_to_a_tenant_asks_for_membership(world):
    tenant = world.api.tenant(world.Membership, role="role")
    world.api.resource(world.Studio, read=anyone, create=signed_in, update=anyone)
    world.api.resource(world.Membership, read=anyone)
    world.api.resource(world.Project, read=anyone, write=tenant.role("owner") | role("editor"))
    world.seal()

    assert world.rule("studios", "read") == "member"
    assert world.rule("studios", "update") == "member"
    assert world.rule("studios", "delete") == "nobody"
    assert world.rule("memberships", "read") == "member"
    assert world.rule("projects", "read") == "member"
    assert world.rule("projects", "update") == "member as owner"
    assert world.rule("projects", "read", NOBODY) == "nobody"
    assert world.rule("projects", "update", Standing(True, True, frozenset({"editor"}))) == "member"


def test_membership_is_not_asked_twice(world):
    tenant = world.api.tenant(world.Membership, role="role")
    owner, new = tenant.role("owner"), world.Project.budget.is_(None)
    rules = {
        "read": tenant.member,
        "create": owner & new,
        "update": owner | tenant.role("editor"),
        "delete": owner | new,
    }
    world.api.resource(world.Project, **rules)
    world.seal()

    assert [world.rule("projects", action) for action in rules] == [
        "member",
        "member as owner and budget is null",
        "member as owner or member as editor",
        "member and (member as owner or budget is null)",
    ]


def test_a_rule_that_asks_for_membership_gives_the_role_admin_no_way_around_it(world):
    tenant = world.api.tenant(world.Membership, admin=False)
    world.api.resource(world.Project, read=tenant.member)
    world.seal()

    assert world.rule("projects", "read", ADMIN) == "member"


def test_a_tenant_is_made_by_who_is_not_its_member_yet(world):
    world.api.tenant(world.Membership)
    world.api.resource(world.Studio, read=anyone, create=signed_in)
    world.seal()

    assert world.rule("studios", "create") == "anyone"
    assert world.rule("studios", "create", NOBODY) == "nobody"


@pytest.mark.parametrize("first", [True, False], ids=["before-the-resources", "after-them"])
def test_where_it_stands_among_the_resources_makes_no_difference(world, first):
    if first:
        world.api.tenant(world.Membership)
    world.api.resource(world.Project, read=anyone)
    if not first:
        world.api.tenant(world.Membership)
    world.seal()

    assert world.rule("projects", "read") == "member"


@pytest.mark.parametrize(
    ("of_resource", "of_tenant", "said"),
    [
        pytest.param(True, True, "anyone", id="passes-both"),
        pytest.param(True, False, "member", id="passes-the-rule-in-tenants-of-their-own"),
        pytest.param(False, True, "budget = 1", id="passes-the-tenant-and-not-the-rule"),
        pytest.param(False, False, "member and budget = 1", id="passes-neither"),
    ],
)
def test_the_role_admin_is_held_back_by_what_says_so(world, of_resource, of_tenant, said):
    world.api.tenant(world.Membership, admin=of_tenant)
    world.api.resource(world.Project, read=world.Project.budget == 1, admin=of_resource)
    world.seal()

    assert world.rule("projects", "read", ADMIN) == said
    assert world.rule("projects", "read") == "member and budget = 1"


def test_a_way_leads_over_several_foreign_keys_and_tables_that_are_not_served(world):
    world.model("tasks", project_id="projects.id")
    comments = world.model("comments", task_id="tasks.id", author_id="meze_users.id", answers_id="comments.id?")
    world.api.tenant(world.Membership)
    world.api.resource(comments, read=anyone)
    world.seal()

    assert world.way("comments") == ["comments.task_id", "tasks.project_id", "projects.studio_id"]


def test_a_foreign_key_to_the_tenant_itself_counts_before_longer_ways(world):
    both = ForeignKeyConstraint(["studio_id", "project_id"], ["projects.studio_id", "projects.id"])
    tasks = world.model("tasks", both, studio_id="studios.id", project_id=True)
    world.api.tenant(world.Membership)
    world.api.resource(tasks, read=anyone)
    world.seal()

    assert world.way("tasks") == ["tasks.studio_id"]


def test_the_columns_that_name_the_tenant_are_given_once(world):
    tasks = world.model("tasks", project_id="projects.id")
    world.api.tenant(world.Membership)
    for model in (world.Studio, world.Membership, world.Project):
        world.api.resource(model, read=anyone, fields={"id": FieldRules(write=role("editor"))})
    world.api.resource(tasks, read=anyone)
    world.seal()

    closed = {each.name: each.create_only for each in world.resources.served}
    assert closed == {"studios": set(), "memberships": {"studio_id"}, "projects": {"studio_id"}, "tasks": set()}


def test_through_names_the_way_where_there_are_two(world):
    tasks = world.model("tasks", project_id="projects.id", by_id="memberships.id")
    world.api.tenant(world.Membership, through={tasks: "by_id"})
    world.api.resource(tasks, read=anyone)
    world.seal()

    assert world.way("tasks") == ["tasks.by_id", "memberships.studio_id"]


def test_what_is_shared_keeps_its_own_rules_and_may_ask_for_the_tenant_where_it_has_one(world):
    templates = world.model("templates", studio_id="studios.id?")
    kinds = world.model("kinds")
    tenant = world.api.tenant(world.Membership, role="role", shared=(templates, kinds))
    world.api.resource(kinds, read=anyone)
    world.api.resource(templates, read=templates.studio_id.is_(None) | tenant.member, write=tenant.role("owner"))
    world.seal()

    assert world.rule("kinds", "read") == "anyone"
    assert world.rule("templates", "read") == "studio_id is null or member"
    assert world.rule("templates", "update") == "member as owner"


def test_the_rule_of_a_field_may_ask_for_the_role(world):
    tenant = world.api.tenant(world.Membership, role="role")
    world.api.resource(world.Project, read=anyone, fields={"budget": FieldRules(read=tenant.role("owner", "editor"))})
    world.seal()

    rule = world.policy.field_rule(world.resources.named("projects"), "budget", "read", MEMBER)
    assert words(rule) == "member as owner or editor"


def test_roles_may_be_members_of_an_enum(world):
    seats = world.model("seats", studio_id="studios.id", user_id="meze_users.id")
    seats.role = mapped_column(Enum(Role, name="seat_roles"), nullable=False)
    tenant = world.api.tenant(seats, role="role")
    world.api.resource(world.Project, read=tenant.role(Role.OWNER))
    world.seal()

    assert world.rule("projects", "read") == "member as owner"


def refused(name, cause, remedy, declare):
    return pytest.param(declare, cause, remedy, id=name)


MISTAKES = [
    refused(
        "no-model",
        "is no model",
        "api.tenant(Membership",
        lambda w: w.api.tenant("memberships"),
    ),
    refused(
        "nobodys-membership",
        "Badges has no foreign key to meze_users, so it is nobody's membership",
        "user_id: Mapped[int]",
        lambda w: w.api.tenant(w.model("badges", studio_id="studios.id")),
    ),
    refused(
        "two-users",
        "Badges refers to meze_users by badges.by_id, badges.user_id",
        'user="by_id"',
        lambda w: w.api.tenant(
            w.model("badges", studio_id="studios.id", user_id="meze_users.id", by_id="meze_users.id?")
        ),
    ),
    refused(
        "of-no-tenant",
        "Badges has no foreign key to the table of the tenants",
        "studio_id: Mapped[int]",
        lambda w: w.api.tenant(w.model("badges", user_id="meze_users.id")),
    ),
    refused(
        "two-tenants",
        "badges.project_id, badges.studio_id; which of them is the tenant?",
        'of="project_id"',
        lambda w: w.api.tenant(
            w.model("badges", studio_id="studios.id", project_id="projects.id", user_id="meze_users.id")
        ),
    ),
    refused(
        "a-membership-of-no-tenant",
        "badges.studio_id may be null",
        "nullable=False",
        lambda w: w.api.tenant(w.model("badges", studio_id="studios.id?", user_id="meze_users.id")),
    ),
    refused(
        "by-what-is-no-key",
        "badges.studio_id does not refer to the primary key of studios",
        "refer to the key",
        lambda w: w.api.tenant(w.model("badges", studio_id="studios.slug", user_id="meze_users.id")),
    ),
    refused(
        "no-such-attribute",
        "role= names 'rolle', which Membership does not have",
        "Did you mean 'role'?",
        lambda w: w.api.tenant(w.Membership, role="rolle"),
    ),
    refused(
        "shared-is-no-resource",
        "shared= names Kinds, which is no resource",
        "api.resource",
        lambda w: w.api.tenant(w.Membership, shared=(w.model("kinds"),)),
    ),
    refused(
        "shared-tenant",
        "Studio is named in shared=",
        "Leave it out",
        lambda w: (w.api.tenant(w.Membership, shared=(w.Studio,)), w.api.resource(w.Studio)),
    ),
    refused(
        "leads-to-none",
        "and Kinds leads to none by its foreign keys",
        "shared=(Kinds,)",
        lambda w: (w.api.tenant(w.Membership), w.api.resource(w.model("kinds", by_id="meze_users.id"), read=anyone)),
    ),
    refused(
        "may-be-null",
        "leads to one by tasks.project_id, which may be null",
        "nullable=False",
        lambda w: (w.api.tenant(w.Membership), w.api.resource(w.model("tasks", project_id="projects.id?"))),
    ),
    refused(
        "two-ways",
        "leads to one by 2 ways: tasks.by_id, tasks.project_id",
        'through={Tasks: "by_id"}',
        lambda w: (
            w.api.tenant(w.Membership),
            w.api.resource(w.model("tasks", project_id="projects.id", by_id="memberships.id")),
        ),
    ),
    refused(
        "two-foreign-keys-to-the-tenant",
        "leads to one by 2 ways: deals.buyer_id, deals.seller_id",
        'through={Deals: "buyer_id"}',
        lambda w: (
            w.api.tenant(w.Membership),
            w.api.resource(w.model("deals", seller_id="studios.id", buyer_id="studios.id")),
        ),
    ),
    refused(
        "only-through-what-is-shared",
        "and Tasks leads to none",
        "shared=(Tasks,)",
        lambda w: (
            w.api.tenant(w.Membership, shared=(w.Project,)),
            w.api.resource(w.Project),
            w.api.resource(w.model("tasks", project_id="projects.id")),
        ),
    ),
    refused(
        "through-is-no-foreign-key",
        "leads nowhere by number, which is no foreign key",
        "Name one in through=",
        lambda w: (
            w.api.resource(deals := w.model("deals", number=True, studio_id="studios.id")),
            w.api.tenant(w.Membership, through={deals: "number"}),
        ),
    ),
    refused(
        "a-role-that-there-is-not",
        "memberships.role can never hold 'ownr'",
        "Did you mean 'owner'?",
        lambda w: w.api.resource(w.Project, read=w.api.tenant(w.Membership, role="role").role("ownr")),
    ),
    refused(
        "a-term-in-what-leads-to-none",
        "`tenant.member` asks for the row's tenant, and Kinds leads to none",
        "leave the term out",
        lambda w: w.api.resource(kinds := w.model("kinds"), read=w.api.tenant(w.Membership, shared=(kinds,)).member),
    ),
    refused(
        "a-term-inside-of-has",
        "`tenant.member` stands inside of .has() or .any()",
        "Put it beside",
        lambda w: w.api.resource(w.Project, read=w.Project.studio.has(w.api.tenant(w.Membership).member)),
    ),
    refused(
        "a-term-of-another-api",
        "is from another api",
        "of the same api",
        lambda w: (w.api.tenant(w.Membership), w.api.resource(w.Project, read=Meze().tenant(w.Membership).member)),
    ),
    refused(
        "a-founder-without-a-role",
        "founder='owner' names a role, and no attribute of Membership holds one",
        "founder=True",
        lambda w: w.api.tenant(w.Membership, founder="owner"),
    ),
    refused(
        "a-founder-in-a-role-that-there-is-not",
        "memberships.role can never hold 'boss'",
        "It holds owner, editor",
        lambda w: w.api.tenant(w.Membership, role="role", founder="boss"),
    ),
    refused(
        "a-founder-and-no-resource",
        "and Membership is no resource",
        "api.resource(Membership)",
        lambda w: (w.api.tenant(w.Membership, role="role", founder="owner"), w.api.resource(w.Studio)),
    ),
    refused(
        "a-founder-who-is-nobody",
        "callers who are not signed in may",
        "create=signed_in",
        lambda w: (
            w.api.tenant(w.Membership, role="role", founder="owner"),
            w.api.resource(w.Studio, create=anyone),
            w.api.resource(w.Membership),
        ),
    ),
    refused(
        "a-founder-whose-membership-lacks-a-value",
        "Badges.number needs a value",
        "default",
        lambda w: (
            w.api.resource(badges := w.model("badges", studio_id="studios.id", user_id="meze_users.id", number=True)),
            w.api.tenant(badges, founder=True),
            w.api.resource(w.Studio, create=signed_in),
        ),
    ),
]


@pytest.mark.parametrize(("declare", "cause", "remedy"), MISTAKES)
def test_what_cannot_mean_what_it_says_is_refused_at_start(world, declare, cause, remedy):
    declare(world)

    said = refusal_of(world)
    assert cause in said
    assert remedy in said


@pytest.mark.parametrize(
    ("ask", "cause"),
    [
        pytest.param(lambda w: w.api.tenant(w.Membership).role("owner"), "which attribute", id="role-of-none"),
        pytest.param(lambda w: w.api.tenant(w.Membership, role="role").role(), "names of roles", id="no-role"),
        pytest.param(
            lambda w: (w.api.tenant(w.Membership), w.api.tenant(w.Membership)), "declared twice", id="declared-twice"
        ),
    ],
)
def test_what_can_be_told_at_once_is_refused_at_once(world, ask, cause):
    with pytest.raises(Mistake, match=cause) as refusal:
        ask(world)
    assert HERE in str(refusal.value)


def test_a_term_is_no_truth_value(world):
    tenant = world.api.tenant(world.Membership, role="role")

    with pytest.raises(Mistake, match=r"tenant\.role\('owner'\)"):
        bool(tenant.role("owner"))
