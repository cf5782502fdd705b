"""A mail server with TLS and a login: reached in private, or not at all."""

import ssl
import subprocess

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from vigie_api.alerts.smtp import Conversation, MailServer, NotSent

from .conftest import Sink

MESSAGE = b"Subject: hello\r\n\r\n.a line that begins with a dot\r\n"


@pytest.fixture
def certificate(tmp_path):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def password_is(expected):
    def check(_server, _session, _envelope, _mechanism, given):
        return AuthResult(success=given.password.decode() == expected, handled=False)

    return check


@pytest.fixture(params=["starttls", "tls"])
def private_server(request, certificate, free_port):
    """A server that takes mail only over TLS; with starttls only from those who know the password `secret`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    sink = Sink()
    if request.param == "tls":  # the test server does not see that such a connection is private, and offers no login
        server = Controller(sink, hostname="127.0.0.1", port=free_port, ssl_context=context, ready_timeout=60)
        address = MailServer("127.0.0.1", free_port, "tls")
    else:
        login = {"authenticator": password_is("secret"), "auth_required": True, "require_starttls": True}
        server = Controller(sink, hostname="127.0.0.1", port=free_port, tls_context=context, ready_timeout=60, **login)
        address = MailServer("127.0.0.1", free_port, "starttls", "vigie", "secret")
    server.start()
    yield address, sink
    server.stop()


def test_mail_goes_over_tls_with_a_login(private_server, certificate, monkeypatch):
    server, sink = private_server
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert Conversation(server).send("vigie@example.org", ["ops@example.org"], MESSAGE) == []
    (message,) = sink.messages
    assert message.get_content().rstrip() == ".a line that begins with a dot"


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(private_server):
    server, sink = private_server
    with pytest.raises(NotSent, match=r"TLS failed: .*CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
        Conversation(server).send("vigie@example.org", ["ops@example.org"], MESSAGE)
    assert sink.messages == []
