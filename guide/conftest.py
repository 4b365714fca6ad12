"""Run every page of the guide: its programs, its commands and its requests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from guide_tools.page import PageFile


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    """Take each Markdown file of a language."""
    if file_path.suffix == ".md" and file_path.relative_to(Path(__file__).parent).parts[0] in ("en", "zh"):
        return PageFile.from_parent(parent, path=file_path)
    return None
