"""What it takes to send an e-mail, as the settings say it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from vigie_api.alerts.addresses import bare
from vigie_api.alerts.letter import Letters
from vigie_api.alerts.rule import Policy
from vigie_api.alerts.smtp import MailServer
from vigie_api.settings import Settings


@dataclass(frozen=True, slots=True)
class Post:
    """The server, who writes to whom (bare addresses), and the letters."""

    server: MailServer
    sender: str
    recipients: tuple[str, ...]
    letters: Letters


def post_of(settings: Settings, *, to: tuple[str, ...] = ()) -> Post | None:
    """The post of these settings, or None when no mail server is set. `to` replaces the recipients."""
    if settings.smtp_host is None or settings.mail_from is None:
        return None
    password = settings.smtp_password
    recipients = to or settings.mail_to
    return Post(
        server=MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            username=settings.smtp_username,
            password=None if password is None else password.get_secret_value(),
        ),
        sender=bare(settings.mail_from),
        recipients=tuple(bare(recipient) for recipient in recipients),
        letters=Letters(
            sender=settings.mail_from,
            recipients=recipients,
            language=settings.mail_language,
            zone=ZoneInfo(settings.mail_timezone),
            public_url=settings.public_url,
        ),
    )


def mail_domain(settings: Settings) -> str | None:
    """What Message-IDs end with; None when no e-mail is sent."""
    if settings.smtp_host is None or settings.mail_from is None:
        return None
    return bare(settings.mail_from).rpartition("@")[2]


def policy_of(settings: Settings) -> Policy:
    """The misprediction rule of these settings."""
    return Policy(settings.alert_count, settings.alert_window_s, settings.alert_cooldown_s)
