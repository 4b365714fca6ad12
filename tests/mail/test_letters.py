"""What is written reaches its reader whole, in both languages, and no value becomes a header or markup."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import SMTPUTF8

import pytest

from meze.errors import LANGUAGES, DeliveryFailed, Mistake
from meze.mail.letter import sender_of
from meze.mail.post import Post, open_post
from meze.mail.rendering import TEMPLATES, VALUES, span
from meze.mail.transports import Files, Nowhere, Smtp
from meze.settings import read_settings

LINK = "https://api.example.com/account/verify#token=meze_email_x"
WITH_LINK = ("registration", "verify_email", "reset_password", "change_email", "invitation")
WITH_PLACE = (
    *("email_changed", "password_changed", "second_factor_on", "second_factor_off"),
    *("key_created", "new_sign_in", "refresh_reuse"),
)
EVERYTHING = {
    "public_url": "https://api.example.com",
    "name": "Ada",
    "email": "ada@example.com",
    "link": LINK,
    "valid_minutes": 30,
    "at": "2030-01-01 12:00 UTC",
    "address": "192.0.2.1",
    "device": "Firefox",
    "key_name": "backup",
}
LEAST = {"public_url": "https://api.example.com", "email": "ada@example.com", "at": "2030-01-01 12:00 UTC"}


class Kept(list):
    """A transport that keeps what it is handed, read back from its bytes."""

    def deliver(self, letter):
        self.append(message_from_bytes(letter.message.as_bytes(), policy=SMTPUTF8))


def sent(template, language, values, *, service="Atlas", folder, to="ada@example.com", mail_from=None):
    """Return (message, text, html) of a letter."""
    kept = Kept()
    sender = sender_of(mail_from, "https://api.example.com", service)
    Post(kept, sender, service, folder).send(to, template, language, values)
    (message,) = kept
    text, html = (message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    return message, text, html


@pytest.fixture
def folder(tmp_path):
    """Where the project's own templates are."""
    (tmp_path / "mail").mkdir()
    return tmp_path / "mail"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_says_what_it_knows_in_text_and_in_html(template, language, folder):
    message, text, html = sent(template, language, EVERYTHING, folder=folder)

    assert (message["To"], message["From"]) == ("ada@example.com", "Atlas <no-reply@api.example.com>")
    assert "Atlas" in message["Subject"]
    assert (message["Auto-Submitted"], message["Content-Language"]) == ("auto-generated", language)
    assert message["Date"].datetime is not None
    assert message["Message-ID"].endswith("@api.example.com>")
    for body in (text, html):
        assert "Ada" in body
        assert "https://api.example.com" in body
        assert "None" not in body
        assert ("{{" in body, "{%" in body) == (False, False)
        assert (LINK in body) is (template in WITH_LINK)
        assert ("Firefox" in body, "192.0.2.1" in body) == (template in WITH_PLACE, template in WITH_PLACE)
        assert bool(re.search("[一-鿿]", body)) is (language == "zh")
    assert html.count(f">{LINK}</a>") == (1 if template in WITH_LINK else 0)
    assert f'<html lang="{language}">' in html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_reads_well_where_little_is_known(template, language, folder):
    values = LEAST | ({"link": LINK, "valid_minutes": 1} if template in WITH_LINK else {})

    _, text, html = sent(template, language, values, folder=folder)

    assert ("None" in text, "None" in html) == (False, False)
    assert "  " not in text.replace("-- ", "")
    assert "\n\n\n" not in text
    assert not re.search(r"(Device|设备)(: |：)", text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_html_fetches_nothing_from_anywhere(template, folder):
    _, _, html = sent(template, "en", EVERYTHING, folder=folder)

    assert not re.search(r"<(img|script|link|iframe|object|form|style)\b|url\(|src=|@import", html)
    assert set(re.findall(r'href="([^"]*)"', html)) <= {LINK, "https://api.example.com"}


def test_a_language_that_nobody_wrote_is_english(folder):
    message, _, _ = sent("invitation", "../../etc", EVERYTHING, folder=folder)

    assert message["Content-Language"] == "en"


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x00"])
def test_no_value_becomes_a_header_or_a_paragraph_of_its_own(break_, folder):
    evil = f"Ada{break_}Bcc: all@example.org{break_}{break_}Visit evil.example"
    values = {name: evil for name in VALUES if name not in ("valid_minutes", "link", "public_url")} | LEAST
    values |= {"link": LINK, "valid_minutes": 30, "name": evil}

    for template in TEMPLATES:
        message, text, _ = sent(template, "en", values, service=evil, folder=folder)
        assert message["Bcc"] is None
        assert message.defects == []
        assert [each.addr_spec for each in message["To"].addresses] == ["ada@example.com"]
        assert [each.addr_spec for each in message["From"].addresses] == ["no-reply@api.example.com"]
        assert not any(line.startswith(("Bcc", "Visit")) for line in text.splitlines())


def test_markup_in_a_value_is_text(folder):
    _, text, html = sent("new_sign_in", "en", EVERYTHING | {"device": "<img src=x>'\""}, service="A&B", folder=folder)

    assert "<img src=x>" in text
    assert "&lt;img src=x&gt;&#39;&#34;" in html
    assert "A&amp;B" in html


@pytest.mark.parametrize(
    "to", ["", "ada", "ada@", "@example.com", "ada@example.com\r\nBcc: x@example.com", "ada@exa\u2028mple.com"]
)
def test_what_is_no_address_is_never_written_to(to, folder):
    with pytest.raises(DeliveryFailed) as failed:
        sent("invitation", "en", EVERYTHING, folder=folder, to=to)

    assert failed.value.permanent


def test_one_address_stays_one(folder):
    message, _, _ = sent("invitation", "en", EVERYTHING, folder=folder, to="a,b <x@example.org>,c@example.com")

    assert [each.domain for each in message["To"].addresses] == ["example.com"]


@pytest.mark.parametrize(
    ("mail_from", "said"),
    [
        ("no-reply@example.com", "no-reply@example.com"),
        ("Atlas Guide <post@example.com>", "Atlas Guide <post@example.com>"),
        ('"Atlas, Inc." <post@例子.example>', '"Atlas, Inc." <post@xn--fsqu00a.example>'),
        ("地图 <post@example.com>", "地图 <post@example.com>"),
    ],
)
def test_the_sender_is_who_the_settings_say(mail_from, said, folder):
    message, _, _ = sent("invitation", "en", EVERYTHING, folder=folder, mail_from=mail_from)

    assert message["From"] == said


@pytest.mark.parametrize(
    "mail_from",
    ["Atlas", "", "a@example.com, b@example.com", "Atlas <post@example.com>\r\nBcc: x@example.com", "<>", "a@b@c"],
)
def test_a_sender_that_is_not_one_address_is_a_mistake(mail_from):
    with pytest.raises(Mistake, match="MEZE_MAIL_FROM"):
        sender_of(mail_from, None, "Atlas")


@pytest.mark.parametrize(
    ("public_url", "sender"),
    [
        (None, "no-reply@localhost"),
        ("https://api.example.com:8443", "no-reply@api.example.com"),
        ("http://192.0.2.1", "no-reply@[192.0.2.1]"),
        ("http://[2001:db8::1]:80", "no-reply@[IPv6:2001:db8::1]"),
        ("https://例子.example", "no-reply@xn--fsqu00a.example"),
    ],
)
def test_without_a_sender_letters_come_from_the_public_host(public_url, sender):
    assert sender_of(None, public_url, "Atlas").addr_spec == sender


def test_a_file_of_the_project_comes_before_ours(folder):
    (folder / "invitation.en.txt").write_text(
        "Subject: Come to {{ service }}\n\nUse {{ link }} within {{ valid_for }}.\n"
    )
    (folder / "_layout.html").write_text("<h1>Ours</h1>{% block letter %}{% endblock %}")

    message, text, html = sent("invitation", "en", EVERYTHING, folder=folder)
    assert (message["Subject"], text) == ("Come to Atlas", f"Use {LINK} within 30 minutes.\n")
    assert html.startswith("<h1>Ours</h1>")
    assert LINK in html
    assert "邀请" in sent("invitation", "zh", EVERYTHING, folder=folder)[0]["Subject"]


def test_a_mistake_in_a_template_is_told_with_its_line(folder):
    (folder / "_layout.html").write_text("<html>\n<body>\n{{ subjct }}")

    with pytest.raises(Mistake) as told:
        sent("password_changed", "en", EVERYTHING, folder=folder)
    assert told.value.where == f"{folder}/_layout.html:3"


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        pytest.param("invitation.en.txt", "Subject: x\n{% if %}", "cannot be read", id="does-not-parse"),
        pytest.param("_parts.html", "{% macro %}", "cannot be read", id="a-piece-does-not-parse"),
        pytest.param("invitation.en.txt", "Come to us\n", "first line", id="no-subject"),
        pytest.param("invitation.en.txt", "Subject: x\n{{ naam }}", "'naam' is undefined", id="unknown-value"),
        pytest.param("_layout.html", "<p>\n{{ naam }}", "'naam' is undefined", id="unknown-value-in-a-piece"),
        pytest.param("invitation.en.txt", b"Subject: \xff", "cannot be read", id="not-utf-8"),
        pytest.param("invitation.en.html", "{% include 'x.html' %}", "x.html", id="unknown-piece"),
        pytest.param("invitation.de.txt", "Subject: x\n", "No letter has this template", id="unknown-language"),
        pytest.param("invitatoin.en.txt", "Subject: x\n", "No letter has this template", id="misspelt"),
    ],
)
def test_a_file_of_the_project_that_cannot_be_used_is_told_at_start(name, source, said, folder):
    (folder / name).write_bytes(source if isinstance(source, bytes) else source.encode())

    with pytest.raises(Mistake) as told:
        sent("password_changed", "en", EVERYTHING, folder=folder)
    assert said in told.value.cause
    assert name in told.value.where


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__.__mro__[1].__subclasses__()",
        "self.__init__.__globals__",
        "self._TemplateReference__context.environment",
        "lipsum.__globals__['os'].popen('id').read()",
        "cycler.__init__.__globals__.os",
        "(name|attr('__class__'))",
        "name.format.__globals__",
        "'{0.__class__}'.format(name)",
        "[].append(1)",
    ],
)
def test_a_template_reaches_nothing_of_the_program(expression, folder):
    path = folder / "invitation.en.txt"
    path.write_text("Subject: x\n{{ " + expression + " }}")
    with pytest.raises(Mistake, match="cannot be rendered"):
        sent("invitation", "en", EVERYTHING, folder=folder)

    path.write_text("Subject: x\n")
    kept = Kept()
    post = Post(kept, sender_of(None, None, "Atlas"), "Atlas", folder)
    path.write_text("Subject: broken while it runs\n{{ " + expression + " }}")
    with pytest.raises(DeliveryFailed) as failed:
        post.send("ada@example.com", "invitation", "en", EVERYTHING)
    assert (kept, failed.value.permanent) == ([], False)


def test_a_file_outside_the_folder_is_not_included(folder):
    (folder.parent / "secret.txt").write_text("the secret")
    (folder / "invitation.en.txt").write_text("Subject: x\n{% include '../secret.txt' %}")

    with pytest.raises(Mistake):
        sent("invitation", "en", EVERYTHING, folder=folder)


def test_an_unknown_letter_is_given_up(folder):
    with pytest.raises(DeliveryFailed, match="no template") as failed:
        sent("../invitation", "en", EVERYTHING, folder=folder)

    assert failed.value.permanent


@pytest.mark.parametrize(
    ("minutes", "en", "zh"),
    [
        (1, "1 minute", "1 分钟"),
        (30, "30 minutes", "30 分钟"),
        (60, "60 minutes", "60 分钟"),
        (119, "2 hours", "2 小时"),
        (210, "3 hours", "3 小时"),
        (1439, "24 hours", "24 小时"),
        (10_079, "7 days", "7 天"),
    ],
)
def test_a_time_is_said_in_words(minutes, en, zh):
    assert (span(minutes, "en"), span(minutes, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("environ", "transport"),
    [
        ({}, Files),
        ({"MEZE_SMTP_URL": "smtp://mail.example.com"}, Smtp),
        (
            {"MEZE_ENV": "production", "SECRET_KEY": "kV1c0Tn3xW8qLr5mZ2yB7uJ4hD9sF6gPaEiO"}
            | {"MEZE_PUBLIC_URL": "https://api.example.com", "MEZE_REGISTRATION": "closed"},
            Nowhere,
        ),
    ],
    ids=["development", "mail-server", "production-without-one"],
)
def test_how_letters_leave_follows_from_the_settings(environ, transport, tmp_path):
    post = open_post(read_settings(root=tmp_path, environ=environ), "Atlas")

    assert isinstance(post._transport, transport)


def test_while_developing_a_letter_is_found_in_the_instance_folder(tmp_path, capsys):
    open_post(read_settings(root=tmp_path, environ={}), "Atlas").send(
        "ada@example.com", "reset_password", "zh", EVERYTHING
    )

    (path,) = (tmp_path / "instance" / "mail").glob("*-reset_password.eml")
    assert message_from_bytes(path.read_bytes(), policy=SMTPUTF8)["Subject"] == "重置您的 Atlas 密码"
    assert LINK in capsys.readouterr().err
