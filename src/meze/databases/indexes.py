"""The ways into a table: what each index of it that the model names is over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, Table, UniqueConstraint


def ways(table: Table) -> list[list[Any]]:
    """Return the columns of each index, in its order; of some rows only, or of another kind than a tree, it is none."""
    found: list[list[Any]] = [list(table.primary_key.columns)]
    found += [list(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    found += [list(each.expressions) for each in table.indexes if _is_tree_of_all(each)]
    return [each for each in found if each]


def _is_tree_of_all(index: Index) -> bool:
    options = index.dialect_kwargs
    partial = any(options.get(f"{name}_where") is not None for name in ("sqlite", "postgresql"))
    return not partial and (options.get("postgresql_using") or "btree") == "btree"
