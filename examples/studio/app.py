"""Studios that share one API and see nothing of each other: in each, people are owner, editor or viewer."""

from __future__ import annotations

from datetime import date

from flask import Flask
from sqlalchemy import Enum, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from meze import About, Meze, User, anyone, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Studio(Base):
    """The tenant: everything below belongs to one."""

    __tablename__ = "studios"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    members: Mapped[list[Membership]] = relationship(back_populates="studio", passive_deletes=True)
    projects: Mapped[list[Project]] = relationship(back_populates="studio", passive_deletes=True)


class Membership(Base):
    """Joins a person to a studio, in a role that holds there and nowhere else."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("user_id", "studio_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(Enum("owner", "editor", "viewer", name="membership_role"), default="viewer")
    studio: Mapped[Studio] = relationship(back_populates="members")
    user: Mapped[User] = relationship(User)


class Project(Base):
    """Names are unique in a studio; two studios may have the same."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("studio_id", "slug"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id", ondelete="CASCADE"), index=True)
    slug: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(120))
    budget: Mapped[int | None]
    studio: Mapped[Studio] = relationship(back_populates="projects")
    tasks: Mapped[list[Task]] = relationship(back_populates="project", passive_deletes=True)


class Task(Base):
    """Belongs to a studio by its project."""

    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("memberships.id", ondelete="SET NULL"), index=True)
    kind_id: Mapped[int | None] = mapped_column(ForeignKey("kinds.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    due: Mapped[date | None]
    done: Mapped[bool] = mapped_column(default=False)
    project: Mapped[Project] = relationship(back_populates="tasks")
    assignee: Mapped[Membership | None] = relationship()
    comments: Mapped[list[Comment]] = relationship(back_populates="task", passive_deletes=True)


class Comment(Base):
    """What a member says of a task. It belongs to a studio by its task, and to whoever wrote it."""

    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("meze_users.id", ondelete="CASCADE"), index=True)
    said: Mapped[str] = mapped_column(String(2000))
    task: Mapped[Task] = relationship(back_populates="comments")
    author: Mapped[User] = relationship(User)


class Kind(Base):
    """Kinds of tasks, the same for every studio."""

    __tablename__ = "kinds"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)


app = Flask(__name__)
api = Meze(app, Base, roles=("librarian",), about=About("Studio"))

# From here on a row of one studio does not exist for the members of another, whatever the rules below say.
tenant = api.tenant(Membership, role="role", founder="owner", shared=(Kind,))

owner = tenant.role("owner")
working = tenant.role("owner", "editor")

api.resource(Studio, read=tenant.member, create=signed_in, update=owner, delete=owner)
api.resource(Membership, read=tenant.member, create=owner, update=owner, delete=owner | (Membership.user_id == me.id))
api.resource(Project, read=tenant.member, write=working, search=["title"])
api.resource(Task, read=tenant.member, write=working, search=["title"])
api.resource(
    Comment,
    read=tenant.member,
    create=tenant.member,
    update=Comment.author_id == me.id,
    delete=(Comment.author_id == me.id) | owner,
    owner="author_id",
)
api.resource(Kind, read=anyone, write=role("librarian"))
