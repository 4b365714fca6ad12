"""Checks 26 and 27: one address is one account however it is written, and nothing rides along in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.accounts.calling import Answer
from contracts.accounts.deployment import Deployment, Person, new_email, new_password
from contracts.accounts.mailbox import Mail
from contracts.accounts.second_factors import with_second_factor


def register(served: Deployment, email: str, **more: Any) -> Answer:
    return served.client().post("/auth/register", {"email": email, "password": new_password(), **more})


SPELLINGS: list[Any] = [
    pytest.param(str.upper, id="capitals"),
    pytest.param(str.title, id="some-capitals"),
    pytest.param(lambda email: email.replace("a", "ａ"), id="fullwidth"),
    pytest.param(lambda email: email.replace("k", "\u212a"), id="kelvin-sign"),
    pytest.param(lambda email: email.replace("fi", "ﬁ"), id="ligature"),
    pytest.param(lambda email: email.replace("example", "EXAMPLE"), id="domain"),
    pytest.param(lambda email: email.replace("ss", "ß"), id="sharp-s"),
]


@pytest.mark.parametrize("spell", SPELLINGS)
def test_two_spellings_of_one_address_are_one_account(served: Deployment, spell: Callable[[str], str]) -> None:
    """26"""
    person = served.person("mark.fiessa")
    assert spell(person.email) != person.email

    answer = register(served, spell(person.email))

    assert answer.status in (409, 422), answer
    assert person.attempt(served.client(), email=spell(person.email)).status in (200, 422)


def test_a_domain_and_its_idna_form_are_one_account(served: Deployment) -> None:
    """26"""
    name = new_email("b").partition("@")[0]
    assert register(served, f"{name}@bücher.example").status == 201

    assert register(served, f"{name}@xn--bcher-kva.example").status == 409
    assert register(served, f"{name}@BÜCHER.example").status == 409


@pytest.mark.parametrize("spell", [spelling for spelling in SPELLINGS if spelling.id != "sharp-s"])
def test_mail_goes_to_the_stored_address_and_never_to_the_typed_one(
    served: Deployment, spell: Callable[[str], str]
) -> None:
    """26: a look-alike typed by somebody else may be their own mailbox (CVE-2019-19844)."""
    person = served.person("mark.fiessa")
    typed = spell(person.email)

    answer = served.client().post("/auth/password/forgot", {"email": typed})

    assert answer.status in (202, 422)
    if answer.status == 202:
        served.mailbox.link(person.email, "reset")
        assert not served.mailbox.to(typed)
        raws = [mail.raw for mail in served.mailbox.to(person.email)]
        assert not [raw for raw in raws if typed.encode() in raw]


def test_letters_of_other_alphabets_that_look_alike_are_other_accounts(served: Deployment) -> None:
    """26: a Cyrillic а is no a; whoever registers it gets nothing of the other account."""
    person = served.person("paula")
    lookalike = person.email.replace("a", "а")

    answer = register(served, lookalike)

    assert answer.status in (201, 422), answer
    if answer.status == 201:
        assert answer.json["user"]["id"] != person.id
    assert person.attempt(served.client(), email=lookalike).status in (401, 422)


BROKEN: list[Any] = [
    pytest.param("{name}@example.com\r\nBcc: victim@example.com", id="crlf"),
    pytest.param("{name}@example.com\nBcc: victim@example.com", id="lf"),
    pytest.param("{name}@example.com\r", id="cr-at-the-end"),
    pytest.param("{name}\u2028@example.com", id="line-separator"),
    pytest.param("{name}@example.com\0", id="nul"),
    pytest.param("{name}@example.com, victim@example.com", id="two-addresses"),
    pytest.param("{name}@example.com;victim@example.com", id="two-addresses-with-semicolon"),
    pytest.param("Victim <victim@example.com>{name}", id="with-a-name"),
    pytest.param("<{name}@example.com>", id="in-brackets"),
    pytest.param("{name}@example.com%0d%0aBcc: victim@example.com", id="percent-encoded"),
    pytest.param("{name}@[127.0.0.1]", id="address-literal"),
    pytest.param("{name}@127.0.0.1", id="number"),
    pytest.param("{name}", id="no-domain"),
    pytest.param("@example.com", id="no-name"),
    pytest.param("{name}@", id="nothing-behind"),
    pytest.param("{name}@a@example.com", id="two-signs"),
    pytest.param('"{name} x"@example.com', id="quoted"),
    pytest.param("{name}" + "a" * 70 + "@example.com", id="name-of-more-than-64"),
    pytest.param("{name}@" + "a." * 200 + "com", id="too-long"),
    pytest.param("{name}@" + "a" * 100_000 + ".com", id="much-too-long"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_address_is_refused_and_nobody_gets_mail(served: Deployment, broken: str) -> None:
    """26"""
    name = new_email("rider").partition("@")[0]
    email = broken.replace("{name}", name)
    before = len(served.mailbox.everything)

    refused = register(served, email)

    assert (refused.status, refused.pointers) == (422, ["/email"]), refused
    forgotten = served.client().post("/auth/password/forgot", {"email": email})
    assert forgotten.status in (202, 422), forgotten
    served.mailbox.wait(marker(served))
    assert not [mail for mail in served.mailbox.everything[before:] if name in "".join(mail.receivers)]
    assert not served.mailbox.to("victim@example.com")


def marker(served: Deployment) -> str:
    """Have a letter sent: when it came, those before it would have come too."""
    person = served.person("marker")
    served.client().post("/auth/password/forgot", {"email": person.email})
    return person.email


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Eve\r\nBcc: victim@example.com", id="crlf"),
        pytest.param("Eve\nSubject: Send money", id="lf"),
        pytest.param("Eve <victim@example.com>", id="brackets"),
        pytest.param('Eve" <victim@example.com>, "', id="quotes"),
        pytest.param("<b>Eve</b><img src=//evil.example>", id="markup"),
        pytest.param("{{ 7 * 7 }}{% raw %}", id="template"),
        pytest.param("=?utf-8?q?Eve?= \u202e evil", id="encoded-word"),
    ],
)
def test_a_name_brings_no_header_markup_or_recipient_into_mail(served: Deployment, name: str) -> None:
    """26, 46"""
    email = new_email("eve")
    answer = register(served, email, name=name)
    assert answer.status in (201, 422), answer
    if answer.status == 422:
        assert answer.pointers == ["/name"]
        return
    served.client().post("/auth/password/forgot", {"email": email})

    mail = served.mailbox.wait(email, lambda mail: "meze_reset_" in mail.whole)

    assert mail.receivers == (email,)
    assert not mail.message.defects
    assert mail.message.get_all("Bcc") is None
    assert len(mail.message.get_all("Subject") or []) == 1
    assert "<b>" not in mail.part("html")
    assert "<img" not in mail.part("html")
    assert "49" not in mail.part("plain").replace(mail.token, "") or "{{" not in name
    assert not served.mailbox.to("victim@example.com")


def about(mail: Mail, *words: str) -> bool:
    return any(word in mail.whole.lower() for word in words)


def test_a_changed_address_is_told_to_the_old_one(served: Deployment) -> None:
    """27"""
    person = served.person().confirm()
    new = new_email("moved")
    person.client.patch("/auth/me", {"email": new})
    token = served.mailbox.link(new, "email")
    seen = len(served.mailbox.to(person.email))

    assert served.client().post("/auth/email/verify", {"token": token}).status == 204

    notice = served.mailbox.wait(person.email, lambda mail: about(mail, "address"), after=seen)
    assert token not in notice.whole
    assert not notice.links or all(not kept.startswith("meze_email_") for _, kept in notice.links)


def change_password(person: Person) -> None:
    body = {"current_password": person.password, "new_password": new_password()}
    assert person.client.post("/auth/password/change", body).status == 204


def reset_password(person: Person) -> None:
    served = person.deployment
    served.client().post("/auth/password/forgot", {"email": person.email})
    token = served.mailbox.link(person.email, "reset")
    assert served.client().post("/auth/password/reset", {"token": token, "new_password": new_password()}).status == 204


def switch_factor_on(person: Person) -> None:
    with_second_factor(person)


def switch_factor_off(person: Person) -> None:
    with_second_factor(person)
    assert person.client.delete("/auth/totp", json={"password": person.password}).status == 204


def make_key(person: Person) -> None:
    person.key("read")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(change_password, ("password",), id="password-changed"),
        pytest.param(reset_password, ("password",), id="password-reset"),
        pytest.param(switch_factor_on, ("second factor", "two-step", "authenticator"), id="factor-on"),
        pytest.param(switch_factor_off, ("off", "removed", "disabled"), id="factor-off"),
        pytest.param(make_key, ("api key",), id="key-made"),
    ],
)
def test_a_changed_credential_is_told_to_the_address(
    served: Deployment, change: Callable[[Person], None], words: tuple[str, ...]
) -> None:
    """27"""
    person = served.person()

    change(person)

    def is_notice(mail: Mail) -> bool:
        return about(mail, *words) and not [token for _, token in mail.links if "meze_" in token]

    notice = served.mailbox.wait(person.email, is_notice)
    assert person.password not in notice.whole
    assert notice.part("html")
