"""The table of the chaos suite, and what it must not show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chaos_ledger import Balance

RECOVERY_S = 15.0


@dataclass(frozen=True)
class Row:
    """What a fault led to."""

    fault: str
    what: str
    way_in: bool
    predictions: int
    failed: int
    verdicts: int
    mentions: int
    emails: int
    balance: Balance
    started_in_s: float
    """Until what was broken answered again."""
    recovered_s: float | None
    """From then until everything was as before; None: not within the limit."""
    manual_steps: int
    not_taken: int = 0
    """Verdicts, lists and mentions that were refused for good, or that nobody took for minutes."""
    foreign_answers: int = 0
    """Predictions by a version that must not serve."""
    notes: dict[str, Any] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """What a row must not show. Failed predictions count only while there is a way to an API."""
        balance = self.balance
        found = {
            "predictions failed": self.failed if self.way_in else 0,
            "predictions by a version that must not serve": self.foreign_answers,
            "verdicts lost": balance.verdicts_lost,
            "verdicts doubled": balance.verdicts_doubled,
            "mentions lost": balance.mentions_lost,
            "mentions doubled": balance.mentions_doubled,
            "mentions not judged": balance.mentions_not_judged,
            "e-mails lost": balance.emails_lost,
            "e-mails doubled": balance.emails_doubled,
            "refused for good": self.not_taken,
            "manual steps": self.manual_steps,
        }
        said = [f"{number} {name}" for name, number in found.items() if number]
        if self.recovered_s is None:
            said.append("did not recover")
        elif self.recovered_s >= RECOVERY_S:
            said.append(f"recovered in {self.recovered_s:.1f} s")
        return said

    def document(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self) | {"faults": self.faults()}


_HEADS = (
    "fault",
    "predictions",
    "failed",
    "verdicts",
    "lost",
    "mentions",
    "lost",
    "doubled",
    "e-mails",
    "lost",
    "doubled",
    "back in s",
    "whole in s",
    "by hand",
)


def _cells(row: Row) -> tuple[str, ...]:
    balance = row.balance
    return (
        row.fault,
        f"{row.predictions}",
        f"{row.failed}" if row.way_in else f"({row.failed})",
        f"{row.verdicts}",
        f"{balance.verdicts_lost}",
        f"{row.mentions}",
        f"{balance.mentions_lost}",
        f"{balance.mentions_doubled}",
        f"{row.emails}",
        f"{balance.emails_lost}",
        f"{balance.emails_doubled}" + (f" +{balance.emails_excused}" if balance.emails_excused else ""),
        f"{row.started_in_s:.1f}",
        "never" if row.recovered_s is None else f"{row.recovered_s:.1f}",
        f"{row.manual_steps}",
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, with the meaning of what is in brackets below."""
    cells = [_HEADS, *map(_cells, rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_HEADS))]
    head, *lines = [f"| {' | '.join(map(_aligned, line, widths, range(len(_HEADS))))} |" for line in cells]
    rule = f"|{'|'.join('-' * (width + 2) if at == 0 else '-' * (width + 1) + ':' for at, width in enumerate(widths))}|"
    legend = []
    if any(not row.way_in for row in rows):
        legend.append("(n): predictions while no way led to a running API; the target is about dependencies.")
    if any(row.balance.emails_excused for row in rows):
        legend.append("+n: second copies of senders that were killed between the mail server's 250 and the mark.")
    return "\n".join([head, rule, *lines, *([""] if legend else []), *legend])


def _aligned(cell: str, width: int, at: int) -> str:
    return cell.ljust(width) if at == 0 else cell.rjust(width)


def verdict(rows: Sequence[Row]) -> str:
    """One line for each fault that missed a target, or that all were met."""
    missed = [f"{row.fault}: {', '.join(row.faults())}" for row in rows if row.faults()]
    return "\n".join(missed) or "All targets are met."
