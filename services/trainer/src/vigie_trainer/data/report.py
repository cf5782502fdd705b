"""The exploratory report: one HTML file with its pictures inside."""

import base64
import io
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING

from vigie_trainer.data.exploration import BINS, SENTIMENT140_GAP, Days, Exploration
from vigie_trainer.data.rows import REASONS, Posts
from vigie_trainer.scoring.figures import BLUE, GREY, RED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"negative": RED, "positive": BLUE}
LANGUAGES = {"en": "English", "fr": "French", "und": "other or too short to tell"}


def render(posts: Posts, seen: Exploration) -> str:
    """The whole page: no script, no file beside it, nothing fetched."""
    from jinja2 import Environment

    template = files("vigie_trainer") / "data" / "report.html.j2"
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["thousands"] = lambda value: f"{value:,}"
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        posts=posts,
        seen=seen,
        set_aside=[
            (REASONS.get(reason, reason), len(lines), lines[:20]) for reason, lines in posts.set_aside.lines.items()
        ],
        languages=LANGUAGES,
        gap=gap(seen.days),
        balance=_embedded(_balance(seen)),
        lengths=_embedded(_lengths(seen)),
        terms=_embedded(_terms(seen)) if any(seen.terms.values()) else None,
        language_picture=_embedded(_languages(seen)),
        days=_embedded(_days(seen.days)) if seen.days else None,
    )


def gap(days: Days | None) -> date | None:
    """The day after which one class alone was collected: known of Sentiment140, found in other data."""
    if days is None:
        return None
    return SENTIMENT140_GAP if days.sentiment140 else days.one_class_after


def _embedded(figure: "Figure") -> str:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _balance(seen: Exploration) -> "Figure":
    figure, (axis,) = new_figure(7.5, 1.7)
    values = [seen.positive, seen.negative]
    axis.barh(["positive", "negative"], values, color=[BLUE, RED], height=0.6)
    for at, value in enumerate(values):
        axis.text(value, at, f"  {value:,} ({value / seen.rows:.1%})", va="center", fontsize=9)
    axis.set_xlim(0, max(values) * 1.25)
    axis.xaxis.set_visible(False)
    axis.spines["bottom"].set_visible(False)
    return figure


def _lengths(seen: Exploration) -> "Figure":
    figure, (axis,) = new_figure(7.5, 3.0)
    for name, lengths in seen.lengths.items():
        total = max(1, sum(lengths.histogram))
        axis.stairs(
            [count / total for count in lengths.histogram], BINS, color=COLOURS[name], label=name, linewidth=1.8
        )
    axis.set(xlabel="characters of a post (the last bin holds all longer ones)", ylabel="share of the class")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.legend(frameon=False)
    return figure


def _terms(seen: Exploration) -> "Figure":
    figure, axes = new_figure(7.5, 5.4, columns=2)
    for axis, (name, terms) in zip(axes, seen.terms.items(), strict=True):
        shown = terms[::-1]
        axis.barh(range(len(shown)), [count for _, count, _ in shown], color=COLOURS[name], height=0.7)
        axis.set_yticks(range(len(shown)), [drawable(term) for term, _, _ in shown])
        axis.set_title(f"typical of {name} posts", fontsize=10)
        axis.set_xlabel("posts with the word")
    return figure


def drawable(term: str) -> str:
    """A term in characters that the picture's font has; the table beside it has the term itself."""
    return "".join(character if ord(character) < 0x2000 else "□" for character in term).replace("$", r"\$")


def _languages(seen: Exploration) -> "Figure":
    figure, (axis,) = new_figure(7.5, 1.9)
    shades = {"en": "#0b4f8a", "fr": "#e08e0b", "und": "#c9ccd1"}
    for at, name in enumerate(("positive", "negative")):
        counts = seen.languages[name]
        total, left = max(1, sum(counts.values())), 0.0
        for code, label in LANGUAGES.items():
            share = counts.get(code, 0) / total
            axis.barh(at, share, left=left, color=shades[code], height=0.6, label=label if at == 0 else None)
            if share > 0.06:
                colour = "black" if code == "und" else "white"
                axis.text(left + share / 2, at, f"{share:.0%}", ha="center", va="center", color=colour, fontsize=9)
            left += share
    axis.set_yticks([0, 1], ["positive", "negative"])
    axis.set_xlim(0, 1)
    axis.xaxis.set_visible(False)
    axis.spines["bottom"].set_visible(False)
    axis.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, -0.35), fontsize=8)
    return figure


def _days(days: Days) -> "Figure":
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    figure, (axis,) = new_figure(7.5, 3.2)
    axis.bar(days.days, days.negative, color=RED, width=1.0, label="negative")  # type: ignore[arg-type]  # dates are fine
    axis.bar(days.days, days.positive, bottom=days.negative, color=BLUE, width=1.0, label="positive")  # type: ignore[arg-type]  # the same
    after = gap(days)
    if after is not None and after < days.days[-1]:
        axis.axvspan(date2num(after) + 0.5, date2num(days.days[-1]) + 0.5, color=GREY, alpha=0.2, linewidth=0, zorder=0)  # type: ignore[no-untyped-call]  # matplotlib has no types there
        axis.set_title(f"grey: one class alone after {after:%d %B %Y}", loc="right", fontsize=9)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]  # matplotlib has no types there
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # nor there
    axis.set_ylabel("posts a day (UTC)")
    axis.legend(frameon=False, loc="upper left")
    return figure
