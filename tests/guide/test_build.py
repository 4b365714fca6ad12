"""The guide builds in every language, and a warning is an error."""

import subprocess
import sys
from pathlib import Path

import pytest

from meze.errors import LANGUAGES

GUIDE = Path(__file__).parents[2] / "guide"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_builds_without_a_warning(language, tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-d", tmp_path / "trees"]

    done = subprocess.run([*command, GUIDE / language, tmp_path / "html"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "code-map.html").is_file()
