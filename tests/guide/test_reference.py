"""The reference says what the code says, in every language."""

from pathlib import Path

import pytest
from guide_tools.reference import COLUMNS, commands, pages

from meze.errors import ENTRY_TEXTS, LANGUAGES, problems
from meze.query.operators import OPERATORS
from meze.resources.fields import FIELD_TYPES
from meze.settings import SETTINGS

GUIDE = Path(__file__).parents[2] / "guide"

NAMES = {
    "operators.md": list(OPERATORS),
    "errors.md": [*(kind.code for kind in problems()), *ENTRY_TEXTS],
    "settings.md": [setting.name for setting in SETTINGS],
    "commands.md": [name for name, _ in commands()],
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", NAMES)
def test_a_page_is_what_the_code_says(language, page):
    written = (GUIDE / language / "reference" / page).read_text("utf-8")

    assert written == pages(language)[page], "run: python guide/guide_tools/reference.py"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", NAMES)
def test_a_page_has_every_name(language, page):
    written = (GUIDE / language / "reference" / page).read_text("utf-8")
    shown = [name for name in NAMES[page] if f"| `{name}` |" in written or f"## {name}\n" in written]

    assert sorted(shown) == sorted(name for name in NAMES[page])


def test_every_kind_of_value_is_listed():
    found = [next((kind.name for kind in FIELD_TYPES if kind.matches(column.type)), None) for column in COLUMNS]

    assert found == [kind.name for kind in FIELD_TYPES]
