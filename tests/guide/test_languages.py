"""The guide is the same in every language: pages, structure, code and links; only the prose is each language's own."""

import re
from pathlib import Path

import pytest
from guide_tools.page import EVALUATORS

from meze.errors import LANGUAGES

GUIDE = Path(__file__).parents[2] / "guide"
FIRST, *OTHERS = LANGUAGES
BLOCK = re.compile(r"^(`{3,})(\S*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
HAN = "\u4e00-\u9fff"


def pages_of(language):
    return sorted(str(path.relative_to(GUIDE / language)) for path in (GUIDE / language).rglob("*.md"))


PAGES = pages_of(FIRST)


def text_of(language, page):
    return (GUIDE / language / page).read_text("utf-8")


def blocks_of(language, page):
    return [(kind, code) for _, kind, code in BLOCK.findall(text_of(language, page)) if not kind.startswith("{")]


def prose_of(language, page):
    return BLOCK.sub("", text_of(language, page))


@pytest.mark.parametrize("language", OTHERS)
def test_every_page_exists_in_every_language(language):
    assert pages_of(language) == PAGES


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_same_headings(language, page):
    def levels(of):
        return [len(marks) for marks in re.findall(r"^(#+) ", prose_of(of, page), re.MULTILINE)]

    assert levels(language) == levels(FIRST)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_same_code(language, page):
    assert blocks_of(language, page) == blocks_of(FIRST, page)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_leads_to_the_same_places(language, page):
    def targets(of):
        return sorted(set(re.findall(r"\]\(([^)]+)\)|<(https?://[^>]+)>", prose_of(of, page))))

    assert targets(language) == targets(FIRST)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_one_that_is_executed(language, page):
    assert {kind for kind, _ in blocks_of(language, page)} <= set(EVALUATORS)


@pytest.mark.parametrize("page", PAGES)
def test_chinese_prose_has_chinese_punctuation(page):
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose_of("zh", page))

    assert re.findall(f"[{HAN}][,;:?!.(]|[,;?!)][{HAN}]", prose) == []


@pytest.mark.parametrize("page", PAGES)
def test_no_chinese_sentence_is_broken_over_lines(page):
    # A line break is shown as a space, which has no place between Chinese characters.
    assert re.findall(f"[{HAN}，。；：、）]\\n[ ]*[{HAN}（]", prose_of("zh", page)) == []
