"""A real SMTP server in a thread of its own, with TLS and a password where a test asks for them."""

from __future__ import annotations

import contextlib
import datetime
import email
import email.policy
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Another spelling of 127.0.0.1, which nobody can tell from the name of another machine.
OTHER_NAME = "127.1"


class Mailbox:
    """Keeps what it is given. `replies` to RCPT and DATA stand for a server that refuses."""

    def __init__(self):
        self.envelopes = []
        self.replies = {}
        self.in_tls = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, _server, _session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if "DATA" in self.replies:
            return self.replies["DATA"]
        self.in_tls.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        self.envelopes.append(envelope)
        return "250 OK"

    async def handle_QUIT(self, _server, _session, _envelope):  # noqa: N802 - aiosmtpd's name
        return self.replies.get("QUIT", "221 Bye")

    @property
    def messages(self):
        return [email.message_from_bytes(each.content, policy=email.policy.SMTPUTF8) for each in self.envelopes]


class _AnyPort(Controller):
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def serving(mailbox, **options):
    """Run a server on a port of its own and give that."""
    controller = _AnyPort(mailbox, hostname="127.0.0.1", port=0, ready_timeout=10, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def password_of(user, password):
    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (user.encode(), password.encode()), handled=False)

    return check


def certificate(folder, *names):
    """Make a certificate that signs itself, for these DNS names; return (context of a server, path of the PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "server.key"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, private)
    return context, path
