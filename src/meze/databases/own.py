"""Where Meze's own tables are declared, and how they come into the metadata of the user's models.

They bear the names `meze_…`. Foreign keys of the user's models reach them, and one migration history holds both.
"""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import NullType


class OwnBase(DeclarativeBase):
    """The base of Meze's own models; `OwnBase.metadata` holds those of its tables that are no models, too."""


def add_tables(metadata: MetaData) -> None:
    """Let foreign keys of `metadata` reach Meze's tables, and `create_all` make them.

    Each is one Table for every metadata of the process, so that `relationship(User)` finds its foreign key in each.
    """
    for name, table in OwnBase.metadata.tables.items():
        if name not in metadata.tables:
            metadata._add_table(name, None, table)
    # SQLAlchemy gives a foreign key's column its type when the other table is made, which was before this.
    own = OwnBase.metadata.tables.values()
    targets = {f"{table.name}.{column.name}": column for table in own for column in table.columns}
    columns = (column for each in metadata.tables.values() for column in each.columns)
    for column in columns:
        for key in column.foreign_keys:
            if key.target_fullname in targets and isinstance(column.type, NullType):
                column.type = targets[key.target_fullname].type
