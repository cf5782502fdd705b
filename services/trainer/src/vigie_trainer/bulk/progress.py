"""How far a long scoring is: rows, rate and what is left, on stderr."""

import time

from vigie_trainer.bulk.reading import Source
from vigie_trainer.cli.terminal import Terminal

_FIRST_S = 2.0
_EVERY_S = 0.5
_PLAIN_EVERY_S = 10.0


class Progress:
    """Says nothing for two seconds; then a line that renews itself, or, in a log, one every ten seconds."""

    def __init__(self, terminal: Terminal, source: Source, rows_before: int) -> None:
        self._terminal = terminal
        self._source = source
        self._before = rows_before
        self._began_s = time.monotonic()
        self._next_s = self._began_s + _FIRST_S
        self._share_before = source.share or 0.0

    def __call__(self, rows: int) -> None:
        """So many rows are done, those of an earlier run among them."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        live = self._terminal.err.is_terminal
        self._next_s = now_s + (_EVERY_S if live else _PLAIN_EVERY_S)
        text = progress_text(rows, rows - self._before, now_s - self._began_s, self._source.share, self._share_before)
        if live:
            self._terminal.err.file.write(f"\r\x1b[2K{text}\r")
            self._terminal.err.file.flush()
        else:
            self._terminal.say(text)


def progress_text(rows: int, rows_now: int, seconds: float, share: float | None, share_before: float) -> str:
    """`1,200,000 rows, 24,000 a second, 37 %, 1 min 20 s left`; without a share, what is left is unknown."""
    rate = rows_now / max(seconds, 1e-9)
    text = f"{rows:,} rows, {rate:,.0f} a second"
    if share is None:
        return text
    text += f", {share:.0%}"
    if share > share_before:
        left_s = seconds * (1.0 - share) / (share - share_before)
        text += f", {duration(left_s)} left"
    return text


def duration(seconds: float) -> str:
    """Two units at most: `3 h 20 min`, `1 min 5 s`, `40 s`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
