"""What the person at the terminal sees: progress and notes on stderr, the result on stdout."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Report = Callable[[str, float], None]
_PLAIN_EVERY_S = 10.0
_LINES_SHOWN = 12
_WIDE = 134


class Terminal:
    """One command's output.

    Attributes:
        json_output: the result is one JSON document, and everything else goes to stderr.
    """

    def __init__(self, json_output: bool = False) -> None:
        self.json_output = json_output
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self.out = Console(highlight=False, soft_wrap=True)

    @property
    def narrow(self) -> bool:
        """Whether stdout is a terminal that has no room for a wide table."""
        return self.out.is_terminal and self.out.width < _WIDE

    def say(self, text: str) -> None:
        """One quiet line on stderr."""
        self.err.print(f"[dim]{escape(text)}[/dim]")

    def warn(self, text: str) -> None:
        """One line on stderr that should be read."""
        self.err.print(f"[yellow]{escape(text)}[/yellow]")

    def result(self, text: str) -> None:
        """One line of the result, for people."""
        if not self.json_output:
            self.out.print(escape(text))

    def table(self, title: str, columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> None:
        """A table of the result; a column is (heading, whether it holds numbers)."""
        if self.json_output:
            return
        table = Table(title=escape(title), title_justify="left", header_style="bold", title_style="bold")
        for heading, numeric in columns:
            table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        # A file or pipe has no width of its own; cells must not be cut there.
        if self.out.is_terminal:
            self.out.print(table)
        else:
            Console(width=200, highlight=False).print(table)

    def emit(self, document: Mapping[str, Any]) -> None:
        """The one JSON document, when it was asked for."""
        if self.json_output:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
            sys.stdout.flush()

    @contextmanager
    def working(self, title: str) -> Iterator[Report]:
        """Show a bar while a block runs; where stderr is no terminal, a line at each step and every ten seconds."""
        if not self.err.is_terminal:
            yield _PlainReport(self, title)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task(escape(title), total=1.0)

            def report(step: str, share: float) -> None:
                bar.update(task, description=escape(f"{title}: {step}" if step else title), completed=share)

            yield report

    def bad_rows(self, name: str, lines: Mapping[str, Sequence[int]], reasons: Mapping[str, str]) -> None:
        """Tell which rows of a file were set aside, with their line numbers."""
        for reason, numbers in lines.items():
            rows = f"{len(numbers):,} row{'s' if len(numbers) > 1 else ''}"
            self.warn(f"{name}: {rows} set aside, {reasons.get(reason, reason)} ({line_list(numbers)})")


class _PlainReport:
    """Progress where nobody watches a bar: a log, a pipe, a container."""

    def __init__(self, terminal: Terminal, title: str) -> None:
        self._terminal = terminal
        self._title = title
        self._step = ""
        self._told = time.monotonic()

    def __call__(self, step: str, share: float) -> None:
        now = time.monotonic()
        if step == self._step and now - self._told < _PLAIN_EVERY_S:
            return
        again = step == self._step
        self._step, self._told = step, now
        self._terminal.say(f"{self._title}: {step} {share:.0%}" if again else f"{self._title}: {step}")


def line_list(numbers: Sequence[int]) -> str:
    """Line numbers for people: `lines 3, 17–19, 40 and 12 more`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = runs[:_LINES_SHOWN]
    text = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in shown)
    left = len(numbers) - sum(last - first + 1 for first, last in shown)
    word = "line" if len(numbers) == 1 else "lines"
    return f"{word} {text} and {left:,} more" if left else f"{word} {text}"


def number(value: float | None, digits: int = 4) -> str:
    """A figure of a table; a dash when there is none."""
    return "–" if value is None else f"{value:.{digits}f}"
