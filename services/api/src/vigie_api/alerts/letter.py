"""Writes the e-mail of an alert: HTML with inline styles and no remote image, and the same as plain text.

Tweets are hostile input. They go into the body alone, escaped; what would end a line, turn the writing direction or
become a link is taken out; no header holds anything of them.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from vigie_api.alerts.schema import AlertOut, WrongVerdict
from vigie_api.alerts.surge import surge_words, tells_surge
from vigie_api.alerts.wording import NAMES, WORDS, Language, day_and_time, duration

_MOST_TWEETS: Final = 3
_MOST_CHARS: Final = 500
_MOST_FACTS: Final = 20
_TOLD: Final = frozenset({"window_s", "burst"})  # in the words of the title
_POLICY: Final = SMTP.clone(cte_type="7bit")
# A mail client makes a link of these by itself; a space of no width keeps it from that.
_LINKISH: Final = re.compile(r"(://|(?<=\w)[.@](?=\w))")


class Letters:
    """Writes in one language and time zone. `public_url` None: without a link to the page."""

    def __init__(
        self, *, sender: str, recipients: tuple[str, ...], language: Language, zone: ZoneInfo, public_url: str | None
    ) -> None:
        self._sender = sender
        self._recipients = recipients
        self._language: Language = language
        self._zone = zone
        self._public_url = None if public_url is None else public_url.rstrip("/")
        self._templates = Environment(
            loader=PackageLoader("vigie_api.alerts"),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def write(self, alert: AlertOut, message_id: str, step: str = "opened") -> bytes:
        """The finished message of a step. Written twice it is the same, byte for byte, as long as the alert is."""
        if tells_surge(alert.kind, alert.evidence):
            return self._finish(self._surge(alert, step), message_id, alert.updated_at)
        verdicts = [WrongVerdict(**verdict) for verdict in alert.evidence.get("verdicts", [])]
        # Of the burst itself, whatever joined it since. A verdict given anew stays in its place, at its new time.
        burst = verdicts[: alert.evidence.get("burst", _MOST_TWEETS)]
        times = [verdict.received_at for verdict in burst]
        tweets = burst[:_MOST_TWEETS]
        count = len(burst) or alert.count
        span_s = (max(times) - min(times)).total_seconds() if times else 0.0
        window_s = float(alert.evidence.get("window_s", 0.0))
        numbers = {
            "count": str(count),
            "span": duration(span_s, self._language),
            "window": duration(window_s, self._language),
        }
        content = self._words_of(alert.kind, numbers) | {
            "when": ("opened", self._local(alert.opened_at)),
            "version": None if alert.model_version is None else self._word("version", version=alert.model_version),
            "tweets": [self._tweet(tweet) for tweet in tweets],
            "measures": self._measures(alert.evidence),
            "facts": self._facts(alert.evidence),
            "surge": None,
            "button": self._word("button"),
            "link": None if self._public_url is None else f"{self._public_url}/alertes?alert={alert.id}",
        }
        return self._finish(content, message_id, alert.opened_at)

    def write_trial(self, message_id: str, at: datetime) -> bytes:
        """A message that shows that mail arrives."""
        content = self._words_of("trial", {}) | {
            "when": ("sent", self._local(at)),
            "version": None,
            "tweets": [],
            "measures": [],
            "facts": [],
            "surge": None,
            "button": self._word("button"),
            "link": self._public_url,
        }
        return self._finish(content, message_id, at)

    def _surge(self, alert: AlertOut, step: str) -> dict[str, Any]:
        surge = surge_words(alert.evidence, harmless(str(alert.evidence["topic"])), step, self._language)
        return {
            "subject": surge.title,
            "title": surge.title,
            "lead": surge.lead,
            "when": ("began", day_and_time(surge.onset.astimezone(self._zone), self._language, "%H:%M")),
            "version": None,
            "tweets": [],
            "measures": [],
            "facts": [],
            "surge": surge,
            "button": self._word("button.surge"),
            "link": None if self._public_url is None else f"{self._public_url}/veille?episode={surge.episode_id}",
        }

    def _finish(self, content: Mapping[str, Any], message_id: str, at: datetime) -> bytes:
        message = EmailMessage(policy=_POLICY)
        message["Subject"] = f"[Vigie] {content['subject']}"
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message["Date"] = format_datetime(at)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = self._language
        words = WORDS[self._language]
        for kind in ("txt", "html"):
            body = self._templates.get_template(f"alert.{kind}").render(**content, words=words, lang=self._language)
            if kind == "txt":
                message.set_content(body)
            else:
                message.add_alternative(body, subtype="html")
        message.set_boundary(f"vigie-{sha256(message_id.encode()).hexdigest()[:32]}")
        return message.as_bytes()

    def _words_of(self, kind: str, numbers: Mapping[str, str]) -> dict[str, Any]:
        return {part: self._word(f"{kind}.{part}", **numbers) for part in ("subject", "title", "lead")}

    def _word(self, name: str, **numbers: str) -> str:
        return WORDS[self._language][name].format(**numbers)

    def _local(self, at: datetime) -> str:
        return day_and_time(at.astimezone(self._zone), self._language)

    def _tweet(self, verdict: WrongVerdict) -> dict[str, str | None]:
        words = WORDS[self._language]
        return {
            "text": words["no_text"] if verdict.text is None else harmless(verdict.text),
            "sentiment": verdict.sentiment,
            "correction": verdict.correction,
            "version": verdict.model_version,
            "time": f"{verdict.received_at.astimezone(self._zone):%H:%M:%S}",
        }

    def _measures(self, evidence: Mapping[str, Any]) -> list[dict[str, str]]:
        """The measures of a drift alert, as text."""
        found = [measure for measure in evidence.get("measures", []) if isinstance(measure, Mapping)]
        return [
            {
                "name": self._name(str(measure.get("name"))),
                "value": self._number(measure.get("value")),
                "threshold": self._number(measure.get("threshold")),
            }
            for measure in found[:_MOST_FACTS]
        ]

    def _facts(self, evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What else the evidence says in one word each."""
        plain = [(name, value) for name, value in evidence.items() if isinstance(value, str | int | float)]
        return [
            (self._name(name), harmless(self._number(value)))
            for name, value in plain[:_MOST_FACTS]
            if name not in _TOLD
        ]

    def _name(self, name: str) -> str:
        return NAMES[self._language].get(name, harmless(name))

    def _number(self, value: object) -> str:
        if isinstance(value, float):
            return f"{value:.3g}".replace(".", WORDS[self._language]["decimal"])
        return str(value)


def harmless(text: str) -> str:
    """A tweet on one line, of 500 characters at most, that turns nothing around and becomes no link."""
    return _LINKISH.sub("\\1\u200b", one_line(text, _MOST_CHARS))


def one_line(text: str, most: int) -> str:
    """A text on one line, of so many characters at most, without those that show nothing or turn others around."""
    flat = " ".join(text.split())
    seen = "".join(
        char for char in flat if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") or char == "\u200d"
    )
    return seen if len(seen) <= most else seen[: most - 1].rstrip() + "…"
