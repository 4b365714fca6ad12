"""The Code Map names what is there, and every package of the source."""

import re
from pathlib import Path

import pytest

from meze.errors import LANGUAGES

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "meze"


def named(language):
    page = (REPOSITORY / "guide" / language / "code-map.md").read_text("utf-8")
    return set(re.findall(r"`((?:src|tests|guide)/[\w./-]*)`", page))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_file_that_it_names_exists(language):
    paths = named(language)

    assert len(paths) > 40
    assert [path for path in sorted(paths) if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_package_is_on_it(language):
    packages = {f"src/meze/{folder.name}/" for folder in SOURCE.iterdir() if (folder / "__init__.py").is_file()}

    assert packages <= named(language)


def test_it_names_the_same_files_in_every_language():
    first, *others = (named(language) for language in LANGUAGES)

    assert all(other == first for other in others)
