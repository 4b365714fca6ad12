"""The API reference is drawn from the application's own document, and calls nobody else."""

import re
from importlib.resources import files

from meze.web.pages import CONTENT_SECURITY_POLICY, STATIC, render_docs


def test_the_page_points_scalar_at_the_document_in_the_readers_language():
    page = render_docs('At"las', "zh", openapi="/v2/openapi.json").decode()

    assert 'data-openapi="/v2/openapi.json" data-language="zh-Hans"' in page
    assert "At&#34;las · API 参考" in page


def test_no_code_is_written_into_the_page():
    page = render_docs("Atlas", "en").decode()

    assert re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert all(not body for _, body in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL))
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


def test_everything_that_would_call_another_server_is_off():
    script = STATIC["docs.js"].load().decode()

    for setting in (
        'proxyUrl: ""',
        "withDefaultFonts: false",
        "telemetry: false",
        "agent: { disabled: true }",
        "mcp: { disabled: true }",
        "hideClientButton: true",
    ):
        assert setting in script
    assert "http" not in script


def test_the_vendored_script_is_the_published_one():
    named = re.search(rb"SHA-256 `([0-9a-f]{64})`", _readme())

    assert named is not None
    assert STATIC["scalar.js"].etag == f'"{named[1].decode()[:32]}"'


def test_no_policy_allows_other_servers_or_code_in_the_page():
    assert set(CONTENT_SECURITY_POLICY) == {"home", "docs", "error", "account"}
    for policy in CONTENT_SECURITY_POLICY.values():
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
        assert "unsafe-eval" not in policy
        assert "unsafe-inline" not in rules.get("script-src", "")
        assert not re.search(r"\*|https?:", policy)
    assert "unsafe" not in CONTENT_SECURITY_POLICY["home"] + CONTENT_SECURITY_POLICY["error"]


def _readme() -> bytes:

    return files("meze.web.pages").joinpath("static", "README.md").read_bytes()
