"""A trial e-mail: shows an operator that alerts would arrive, or why they would not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from vigie_api.alerts.addresses import MailAddress
from vigie_api.alerts.post import mail_domain, post_of
from vigie_api.alerts.smtp import Conversation, NotSent
from vigie_api.settings import Settings


class NotSetUp(Exception):  # noqa: N818 - reads as what happened
    """There is nothing to try: the message says which setting is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the server took the message for everybody, and a sentence for people."""

    sent: bool
    sentence: str


def send_trial(settings: Settings, to: tuple[str, ...]) -> Outcome:
    """Send one message, now, to `to` or to the recipients of alerts. Raises NotSetUp."""
    try:
        TypeAdapter(tuple[MailAddress, ...]).validate_python(to)
    except ValidationError as error:
        raise NotSetUp("--to is no e-mail address such as me@example.org.") from error
    post = post_of(settings, to=to)
    if post is None:
        raise NotSetUp("no mail server is set: alerts are kept, but not sent. Set VIGIE_API_SMTP_HOST.")
    place = f"{post.server.host}:{post.server.address[1]}"
    message = post.letters.write_trial(f"<{uuid4()}.trial@{mail_domain(settings)}>", datetime.now(UTC))
    try:
        refused = Conversation(post.server).send(post.sender, post.recipients, message)
    except NotSent as failure:
        return Outcome(False, f"not sent through {place} ({post.server.security}): {str(failure).rstrip('.')}.")
    if refused:
        return Outcome(False, f"{place} refused {', '.join(refused)} and took it for the others.")
    return Outcome(True, f"Sent to {', '.join(post.recipients)} through {place} ({post.server.security}).")
