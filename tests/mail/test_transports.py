"""Letters reach a real mail server: in TLS, with a password, to any address, or with a true reason why not."""

from __future__ import annotations

import email
import email.policy
import logging
import re
import socket
import stat
import threading

import pytest

from mail.mail_server import OTHER_NAME, Mailbox, certificate, password_of, serving
from meze.errors import DeliveryFailed, Mistake
from meze.mail.letter import Content, compose, sender_of
from meze.mail.transports import Files, Nowhere, Smtp

CONTENT = Content("Grüße 您好", "Follow https://a.example/#token=t\n", "<p>Grüße 您好</p>")
LINK = "https://a.example/account/reset#token=t"


def letter(to="ada@example.com"):
    sender = sender_of(None, "https://api.example.com", "Atlas")
    return compose(sender, to, "reset_password", "en", CONTENT, {"link": LINK})


def refusal(transport, to="ada@example.com"):
    with pytest.raises(DeliveryFailed) as failed:
        transport.deliver(letter(to))
    assert "example.com" not in str(failed.value)
    return failed.value


@pytest.fixture
def mailbox():
    return Mailbox()


def test_a_letter_arrives_as_it_was_written(mailbox):
    with serving(mailbox) as port:
        Smtp(f"smtp://127.0.0.1:{port}").deliver(letter())

    (envelope,), (message,) = mailbox.envelopes, mailbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@api.example.com", ["ada@example.com"])
    assert (message["From"], message["To"]) == ("Atlas <no-reply@api.example.com>", "ada@example.com")
    assert message["Subject"] == "Grüße 您好"
    assert message.get_body(("plain",)).get_content().splitlines() == CONTENT.text.splitlines()
    assert message.get_body(("html",)).get_content().strip() == CONTENT.html
    assert envelope.content.isascii()
    assert mailbox.in_tls == [False]


def test_tls_is_used_where_it_is_offered(mailbox, tmp_path):
    context, _ = certificate(tmp_path, "localhost")
    with serving(mailbox, tls_context=context, require_starttls=True) as port:
        Smtp(f"smtp://127.0.0.1:{port}").deliver(letter())

    assert mailbox.in_tls == [True]


def test_smtps_is_tls_from_the_first_byte(mailbox, tmp_path):
    context, _ = certificate(tmp_path, "localhost")
    with serving(mailbox, ssl_context=context) as port:
        Smtp(f"smtps://127.0.0.1:{port}").deliver(letter())

    assert len(mailbox.envelopes) == 1


def test_the_certificate_of_another_machine_is_checked(mailbox, tmp_path, monkeypatch):
    context, path = certificate(tmp_path, OTHER_NAME)
    with serving(mailbox, tls_context=context) as port:
        url = f"smtp://{OTHER_NAME}:{port}"
        failure = refusal(Smtp(url))
        assert (str(failure), failure.permanent) == ("the mail server: SSLCertVerificationError", False)
        assert mailbox.envelopes == []

        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        Smtp(url).deliver(letter())
    assert mailbox.in_tls == [True]


def test_a_certificate_for_another_name_is_refused(mailbox, tmp_path, monkeypatch):
    context, path = certificate(tmp_path, "mail.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with serving(mailbox, tls_context=context) as port:
        assert "SSLCertVerificationError" in str(refusal(Smtp(f"smtp://{OTHER_NAME}:{port}")))
    assert mailbox.envelopes == []


def test_the_password_is_given_in_tls(mailbox, tmp_path):
    context, _ = certificate(tmp_path, "localhost")
    check = password_of("meze@example.com", "p:a/s@s")
    with serving(mailbox, tls_context=context, authenticator=check, auth_required=True) as port:
        Smtp(f"smtp://meze%40example.com:p%3Aa%2Fs%40s@127.0.0.1:{port}").deliver(letter())
        assert len(mailbox.envelopes) == 1

        failure = refusal(Smtp(f"smtp://meze:wrong@127.0.0.1:{port}"))
    assert (str(failure), failure.permanent) == ("SMTPAuthenticationError (535)", False)


def test_a_server_that_asks_for_no_password_though_one_is_set_is_tried_again(mailbox):
    with serving(mailbox) as port:
        failure = refusal(Smtp(f"smtp://meze:secret@127.0.0.1:{port}"))

    assert (str(failure), failure.permanent) == ("the mail server: SMTPNotSupportedError", False)


def test_the_password_is_told_to_no_other_machine_without_tls(mailbox):
    seen = []
    with serving(mailbox, authenticator=lambda *a: seen.append(a), auth_require_tls=False) as port:
        failure = refusal(Smtp(f"smtp://meze:secret@{OTHER_NAME}:{port}"))

    assert "offers no TLS" in str(failure)
    assert (failure.permanent, seen, mailbox.envelopes) == (False, [], [])


@pytest.mark.parametrize(
    ("command", "reply", "permanent"),
    [
        pytest.param("RCPT", "550 No such user ada@example.com", True, id="nobody-there"),
        pytest.param("RCPT", "451 Try again ada@example.com", False, id="greylisted"),
        pytest.param("DATA", "554 Spam from no-reply@api.example.com", True, id="refused-content"),
        pytest.param("DATA", "452 Full", False, id="full"),
        pytest.param("MAIL", "550 Unknown sender no-reply@api.example.com", False, id="sender-refused"),
    ],
)
def test_a_refusal_is_final_when_it_is_the_recipient_s_or_the_letter_s(mailbox, command, reply, permanent):
    mailbox.replies[command] = reply
    with serving(mailbox) as port:
        failure = refusal(Smtp(f"smtp://127.0.0.1:{port}"))

    assert failure.permanent is permanent
    assert reply[:3] in str(failure)


def test_what_was_taken_counts_as_sent_though_the_farewell_fails(mailbox):
    mailbox.replies["QUIT"] = "451 Not so fast"
    with serving(mailbox) as port:
        Smtp(f"smtp://127.0.0.1:{port}").deliver(letter())

    assert len(mailbox.envelopes) == 1


def test_a_server_that_is_away_is_tried_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        failure = refusal(Smtp(f"smtp://127.0.0.1:{taken.getsockname()[1]}"))

    assert (str(failure), failure.permanent) == ("the mail server: ConnectionRefusedError", False)


def test_a_server_that_hangs_up_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=lambda: listening.accept()[0].close()).start()
        failure = refusal(Smtp(f"smtp://127.0.0.1:{listening.getsockname()[1]}"))

    assert not failure.permanent


def test_an_address_beyond_ascii_goes_to_servers_that_take_it(mailbox):
    with serving(mailbox) as port:
        Smtp(f"smtp://127.0.0.1:{port}").deliver(letter("用户@例子.example"))

    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["用户@xn--fsqu00a.example"]
    assert "SMTPUTF8" in envelope.mail_options
    assert mailbox.messages[0]["To"] == "用户@xn--fsqu00a.example"


def test_where_a_server_takes_ascii_alone_the_domain_is_written_so_and_other_names_are_given_up(mailbox):
    with serving(mailbox, enable_SMTPUTF8=False) as port:
        smtp = Smtp(f"smtp://127.0.0.1:{port}")
        smtp.deliver(letter("ada@例子.example"))
        assert refusal(smtp, "用户@例子.example").permanent

    assert [each.rcpt_tos for each in mailbox.envelopes] == [["ada@xn--fsqu00a.example"]]


@pytest.mark.parametrize("url", ["http://mail.example.com", "smtp://", "smtp://host:port", "smtp://host:99999"])
def test_a_url_that_names_no_mail_server_is_a_mistake_that_shows_no_password(url):
    with pytest.raises(Mistake, match="MEZE_SMTP_URL"):
        Smtp(url)


def test_a_transport_does_not_show_its_password():
    assert repr(Smtp("smtp://meze:secret@mail.example.com")) == "Smtp(mail.example.com:587)"
    assert repr(Smtp("smtp://mail.example.com")) == "Smtp(mail.example.com:25)"
    assert repr(Smtp("smtps://meze:secret@mail.example.com")) == "Smtp(mail.example.com:465)"


def test_while_developing_letters_are_files_that_nobody_else_reads(tmp_path, capsys):
    folder = tmp_path / "instance" / "mail"
    files = Files(folder)
    for _ in range(3):
        files.deliver(letter())

    paths = sorted(folder.iterdir())
    assert len(paths) == 3
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-reset_password\.eml", path.name) for path in paths)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    message = email.message_from_bytes(paths[0].read_bytes(), policy=email.policy.default)
    assert (message["To"], message["Subject"]) == ("ada@example.com", "Grüße 您好")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[:3] == ["Mail to ada@example.com: Grüße 您好", f"  {LINK}", f"  {paths[0]}"]


def test_a_folder_that_cannot_be_made_keeps_the_letter(tmp_path):
    (tmp_path / "instance").write_text("a file")

    assert not refusal(Files(tmp_path / "instance" / "mail")).permanent


def test_without_a_mail_server_letters_are_given_up_and_the_log_says_so_once(caplog):
    nowhere = Nowhere()
    with caplog.at_level(logging.WARNING):
        assert refusal(nowhere).permanent
        assert refusal(nowhere).permanent

    assert len(caplog.messages) == 1
    assert "MEZE_SMTP_URL is not set" in caplog.text
