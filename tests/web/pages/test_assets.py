"""The files behind the pages: only those that are listed, each under an address that changes with its bytes."""

import gzip
import hashlib
from importlib.resources import files

import pytest

from meze.web.pages import PREFIX, STATIC, asset_url

UNSERVED = {"README.md", "scalar-LICENSE.txt"}


def test_every_file_in_the_folder_is_served_or_known_not_to_be():
    shipped = {file.name for file in files("meze.web.pages").joinpath("static").iterdir()}

    assert shipped == set(STATIC) | UNSERVED


@pytest.mark.parametrize("name", sorted(STATIC))
def test_a_file_is_the_same_compressed_or_not(name):
    file = STATIC[name]

    assert gzip.decompress(file.load_gzipped()) == file.load()
    assert len(file.load_gzipped()) < len(file.load())


@pytest.mark.parametrize("name", sorted(STATIC))
def test_tag_and_address_follow_the_bytes(name):
    digest = hashlib.sha256(STATIC[name].load()).hexdigest()

    assert STATIC[name].etag == f'"{digest[:32]}"'
    assert asset_url(name) == f"{PREFIX}{name}?v={digest[:16]}"


def test_text_is_declared_as_utf_8():
    assert all(f.content_type.endswith("charset=utf-8") for f in STATIC.values() if f.content_type.startswith("text/"))


def test_what_is_not_listed_has_no_address():
    with pytest.raises(KeyError):
        asset_url("../docs.py")
