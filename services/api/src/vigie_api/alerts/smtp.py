"""Hands a finished message to the mail server, once, and says exactly what became of it.

The conversation is spelt out rather than left to smtplib's `sendmail`, for the sake of its one delicate moment: once
the whole message is sent, the server's answer is waited for as long as RFC 5321 (4.5.3.2.6) asks, ten minutes. Whoever
hangs up sooner and tries again makes the server deliver twice.
"""

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Security = Literal["none", "starttls", "tls"]
_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 30.0
_ACCEPT_S: Final = 600.0
_OK: Final = 250
_PORTS: Final[dict[Security, int]] = {"none": 25, "starttls": 587, "tls": 465}
_MAX_SAID_CHARS: Final = 120


class NotSent(Exception):  # noqa: N818 - reads as what happened
    """The server has not taken the message, as far as anybody can know. The message says why, for an operator."""


class NotReached(NotSent):
    """There was nobody to talk to: the next message would not fare better."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes and how to get in. `port` None: the usual one for that security."""

    host: str
    port: int | None = None
    security: Security = "starttls"
    username: str | None = None
    password: str | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or _PORTS[self.security]


class Conversation:
    """One delivery over one connection; `abort` ends it from another thread."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None
        self._aborted = False

    def send(self, sender: str, recipients: Sequence[str], message: bytes) -> list[str]:
        """Hand over `message` (ASCII, CRLF); returns the recipients that the server refused while it took the others.

        Raises NotSent, or NotReached. Blocks for ten minutes and a half at most, unless the server keeps answering in
        bits.
        """
        try:
            return self._send(sender, recipients, message)
        except NotSent as failure:
            if self._smtp is None:
                raise NotReached(str(failure)) from failure
            raise

    def _send(self, sender: str, recipients: Sequence[str], message: bytes) -> list[str]:
        host, port = self._server.address
        try:
            with contextlib.closing(self._connect(host, port)) as smtp:
                self._log_in(smtp)
                return self._hand_over(smtp, sender, recipients, message)
        except NotSent:
            raise
        except smtplib.SMTPResponseException as error:
            raise NotSent(_said(error.smtp_code, error.smtp_error)) from error
        except smtplib.SMTPNotSupportedError as error:
            raise NotSent(f"{host}:{port} does not offer it: {error}") from error
        except TimeoutError as error:
            raise NotSent(f"{host}:{port} does not answer in time") from error
        except ssl.SSLError as error:
            raise NotSent(f"{host}:{port}: TLS failed: {error.reason or error}") from error
        except (OSError, smtplib.SMTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise NotSent(f"{host}:{port}: {reason}") from error

    def abort(self) -> None:
        """Hang up at once: a `send` that waits raises NotSent."""
        self._aborted = True
        connected = None if self._smtp is None else self._smtp.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def _connect(self, host: str, port: int) -> smtplib.SMTP:
        if self._server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_CONNECT_S, context=ssl.create_default_context())
        else:
            smtp = smtplib.SMTP(host, port, timeout=_CONNECT_S)
        self._smtp = smtp
        assert smtp.sock is not None  # noqa: S101 - it is connected
        smtp.sock.settimeout(_ANSWER_S)
        return smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        if self._server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if self._server.username is not None:
            smtp.login(self._server.username, self._server.password or "")

    def _hand_over(self, smtp: smtplib.SMTP, sender: str, recipients: Sequence[str], message: bytes) -> list[str]:
        _expect(smtp.mail(sender))
        refused, last = [], (_OK, b"")
        for recipient in recipients:
            answer = smtp.rcpt(recipient)
            if answer[0] not in (_OK, 251):
                refused.append(recipient)
                last = answer
        if len(refused) == len(recipients):
            raise NotSent(_said(*last))
        if self._aborted:
            raise NotSent("given up before the message was sent")
        _expect(smtp.docmd("DATA"), 354)
        assert smtp.sock is not None  # noqa: S101 - docmd has just used it
        smtp.send(_dotted(message))
        smtp.sock.settimeout(_ACCEPT_S)
        _expect(smtp.getreply())
        # From here on it is delivered; that the server hangs up without a good-bye changes nothing.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            smtp.sock.settimeout(1.0)
            smtp.quit()
        return refused


def _dotted(message: bytes) -> bytes:
    """The message as it goes over the wire: lines that begin with a dot get another, and a lone dot ends it."""
    whole = message if message.endswith(b"\r\n") else message + b"\r\n"
    lines = whole.replace(b"\r\n.", b"\r\n..")
    return (b"." if lines.startswith(b".") else b"") + lines + b".\r\n"


def _expect(answer: tuple[int, bytes], code: int = _OK) -> None:
    if answer[0] != code:
        raise NotSent(_said(*answer))


def _said(code: int, words: bytes | str) -> str:
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"the mail server said {code} {' '.join(said.split())[:_MAX_SAID_CHARS]}"
