"""A page as one test: its blocks build on each other, so they are run in order and by one process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser

from guide_tools.reader import Reader

READ_WITH_A_REAL_SERVER = ("start", "accounts")


def _save(example: Example) -> str | None:
    return _reader(example).save(str(example.parsed))


def _run(example: Example) -> str | None:
    return _reader(example).run(str(example.parsed))


def _reader(example: Example) -> Reader:
    reader = example.namespace["reader"]
    assert isinstance(reader, Reader)
    return reader


EVALUATORS = {"python": _save, "toml": _save, "console": _run}
"""What is done with a block, by its language. A page has no others, so none goes unexecuted."""

sybil = Sybil(parsers=[CodeBlockParser(language, evaluator) for language, evaluator in EVALUATORS.items()])


class Page(pytest.Item):
    """One page. It fails at its first block that does not do what the page says."""

    def runtest(self) -> None:
        document = sybil.parse(self.path)
        with tempfile.TemporaryDirectory(prefix="meze-guide-") as folder:
            real = self.path.stem in READ_WITH_A_REAL_SERVER
            reader = document.namespace["reader"] = Reader(Path(folder).resolve(), real=real)
            try:
                for example in document.examples():
                    example.evaluate()
            finally:
                reader.close()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.parent.name}/{self.path.name}"


class PageFile(pytest.File):
    """Collects a Markdown file as one test."""

    def collect(self) -> Iterator[Page]:
        yield Page.from_parent(self, name="does-what-it-says")
