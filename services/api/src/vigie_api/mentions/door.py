"""Which mentions are let in, and as what they are written."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from vigie_api.mentions.reading import BREATH_S, SLICE
from vigie_api.mentions.rows import MentionRow, stamp
from vigie_api.mentions.schema import MentionIn, Refusal
from vigie_api.prediction.ids import IdSource

AHEAD: Final = timedelta(minutes=5)
"""How far ahead of ours the clock of a source may be."""


class Door:
    """Refuses a post whose clock is too far ahead, that is too old or too long. For any thread."""

    def __init__(self, author_hash: Callable[[str], int] | None, *, max_chars: int, max_age: timedelta) -> None:
        self._author_hash = author_hash
        self._max_chars = max_chars
        self._max_age = max_age

    def sort(
        self, mentions: Sequence[MentionIn], now: datetime, breathe: Callable[[float], object] = lambda _: None
    ) -> tuple[list[MentionRow], list[Refusal]]:
        """The rows to write, each post once, in the order that `insert_mentions` asks for; and who stays outside."""
        ids = IdSource()
        rows: dict[tuple[str, str], MentionRow] = {}
        refused: list[Refusal] = []
        for index, mention in enumerate(mentions):
            if index % SLICE == SLICE - 1:
                breathe(BREATH_S)
            key = mention.source, mention.external_id
            reason = self._fault(mention, now)
            if reason is not None:
                refused.append(Refusal(index=index, external_id=mention.external_id, reason=reason))
            elif key not in rows:
                rows[key] = self._row(mention, ids.next(), now)
        return [rows[key] for key in sorted(rows)], refused

    def _fault(self, mention: MentionIn, now: datetime) -> str | None:
        if mention.created_at > now + AHEAD:
            return "created_at is in the future, by more than 5 minutes: check the clock and the offset from UTC"
        if mention.created_at < now - self._max_age:
            return f"created_at is more than {self._max_age.days:,} days ago"
        if len(mention.text) > self._max_chars:
            return f"text has more than {self._max_chars:,} characters"
        return None

    def _row(self, mention: MentionIn, post_id: str, now: datetime) -> MentionRow:
        hashed = self._author_hash
        return MentionRow(
            id=post_id,
            source=mention.source,
            external_id=mention.external_id,
            topic=mention.topic,
            created_at=stamp(mention.created_at),
            received_at=stamp(now),
            author_key=hashed(mention.author) if hashed is not None and mention.author else None,
            url=mention.url,
            reach=mention.reach,
            text=mention.text,
        )
