"""Measures the watch on real tweets, through the very code of `vigie-api replay`, beside other rules; prints a table.

Topics are made of real posts (`early_warning_tweets`): texts, authors and labels of Sentiment140, the hours at which
people posted, 4 to 20 posts an hour like an airline's. Surges of negative posts about one theme are put in, a third of
them mostly retweets; and crowds, silences and floods by robots, which must raise nothing. The other rules are tuned,
for each rate apart, on topics of another seed, as in `early_warning.py`; Vigie runs with its defaults.

    uv run python scripts/early_warning_text.py --data FOLDER --model ARTIFACT
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from early_warning import BUDGET, intervals, rates_of
from early_warning_rules import (
    CANDIDATES,
    VIGIE,
    Maker,
    Outcome,
    false_alarms_a_week,
    judge,
    openings,
    summary,
)
from early_warning_tail import TailTest
from early_warning_tweets import START_S, Told, Tweets, read, tell
from early_warning_world import PER_HOUR, History, World
from vigie_api.replay.engine import NegativeOrNot, Replay
from vigie_api.watch.counts import BUCKET_S
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.duplicates import author_key, marks_of
from vigie_api.watch.rules import Rule
from vigie_api.watch.topic import Fate, Topic

RATES = (4, 6, 9, 12, 16, 20)
WORLD = World(days=28, share=(0.4, 0.75), wandering=(0.1, 0.3))
TAIL = "negative binomial tail test"
_TAILS = (1e-2, 3e-3, 1e-3, 5e-4, 2e-4, 1e-4, 3e-5, 1e-5, 1e-6)


def _tail(_rate: float, p: float) -> Rule:
    return TailTest(p=p)


OTHERS: dict[str, list[tuple[str, Maker]]] = {
    TAIL: [(f"p {p:g}", partial(_tail, p=p)) for p in _TAILS],
    **{name: found for name, found in CANDIDATES.items() if name != VIGIE},
}


class Judged(NamedTuple):
    """A topic whose posts were called negative or not, by whom."""

    told: Told
    negative: list[bool]


def _posts(tweets: Tweets, one: Judged, *, authors: bool) -> Iterator[NegativeOrNot]:
    for post, negative in zip(one.told.posts, one.negative, strict=True):
        text = post.prefix + tweets.texts[post.text]
        yield NegativeOrNot(post.at_s, "topic", negative, text, post.author if authors else None)


def episodes(tweets: Tweets, one: Judged, *, authors: bool, count_copies: bool = False) -> list[int]:
    """The buckets at whose end a replay opens its episodes, from the first of the history on."""
    found = Replay(TopicDetector, count_copies=count_copies).run(_posts(tweets, one, authors=authors))
    return [(episode.opened_s - START_S) // BUCKET_S - 1 for episode in found]


def counted(tweets: Tweets, one: Judged, *, authors: bool) -> History:
    """The history with the counts that the other rules see: the same posts, copies left out as in a replay."""
    topic, history = Topic(), one.told.history
    negatives, total = history.negatives.copy(), history.total.copy()
    for post in _posts(tweets, one, authors=authors):
        marks = marks_of(post.text, author_key(post.author, b"any") if post.author else None)
        bucket = int(post.at_s - START_S) // BUCKET_S
        if topic.take(bucket, negative=post.negative, marks=marks) is Fate.COUNTED:
            total[bucket] += 1
            negatives[bucket] += post.negative
    return history._replace(negatives=negatives, total=total)


def tuned(candidates: list[tuple[str, Maker]], tuning: list[History], warm_up: int) -> tuple[str, Maker]:
    """The shortest mean delay within the budget of false alarms; when none is, the fewest false alarms."""
    scored = []
    for text, make in candidates:
        outcomes = [judge(one, openings(make(one.rate), one), warm_up) for one in tuning]
        alarms = false_alarms_a_week(outcomes)
        scored.append(((alarms > BUDGET, alarms if alarms > BUDGET else summary(outcomes)["delay_h"]), text, make))
    _, text, make = min(scored, key=lambda row: row[0])
    return text, make


def row(name: str, outcomes: list[Outcome], floods: int | None = None) -> dict[str, object]:
    """The measures of a rule."""
    mean, bounds = summary(outcomes), intervals(outcomes)
    hits = [delay for o in outcomes for delay, hit in zip(o.delay_h, o.caught, strict=True) if hit]
    return {
        "rule": name,
        "surges": sum(len(o.caught) for o in outcomes),
        "topic_weeks": round(sum(o.weeks for o in outcomes), 1),
        **{measure: round(value, 3) for measure, value in mean.items()},
        "median_delay_of_caught_min": round(60 * float(np.median(hits)), 0) if hits else None,
        "intervals": {measure: [round(end, 2) for end in ends] for measure, ends in bounds.items()},
        "in_crowds": sum(o.in_crowds for o in outcomes),
        "in_happy_crowds": sum(o.in_happy_crowds for o in outcomes),
        "in_floods": floods,
        "by_rate": {
            f"{rate:g}": [
                round(summary([o for o in outcomes if o.rate == rate])[m], 2) for m in mean if m != "precision"
            ]
            for rate in rates_of(outcomes)
        },
    }


def vigie_row(tweets: Tweets, name: str, some: list[Judged], warm_up: int, **how: bool) -> dict[str, object]:
    """What a replay makes of the topics."""
    outcomes, floods, retweets = [], 0, []
    for one in some:
        opened = episodes(tweets, one, **how)
        outcomes.append(judge(one.told.history, opened, warm_up))
        floods += sum(any(f.start <= at <= f.end + PER_HOUR for f in one.told.floods) for at in opened)
        retweets += [hit for hit, kind in zip(outcomes[-1].caught, one.told.kinds, strict=True) if kind == "retweets"]
    found = row(name, outcomes, floods)
    found["recall_of_retweets"] = [round(float(np.mean(retweets)), 2) if retweets else None, len(retweets)]
    return found


def measured(
    tweets: Tweets, tuning: list[Judged], test: list[Judged], warm_up: int, *, others: bool
) -> Iterator[dict[str, object]]:
    """The row of Vigie, in three ways to treat copies, then those of the other rules."""
    yield vigie_row(tweets, VIGIE, test, warm_up, authors=True)
    yield vigie_row(tweets, f"{VIGIE}, authors not known", test, warm_up, authors=False)
    yield vigie_row(tweets, f"{VIGIE}, copies counted", test, warm_up, authors=True, count_copies=True)
    if not others:
        return
    past, now = ([counted(tweets, one, authors=True) for one in some] for some in (tuning, test))
    for name, candidates in OTHERS.items():
        outcomes: list[Outcome] = []
        for rate in rates_of(now):
            text, make = tuned(candidates, [one for one in past if one.rate == rate], warm_up)
            print(f"{name}, {rate:g} posts an hour: {text}", file=sys.stderr)
            outcomes += [judge(one, openings(make(rate), one), warm_up) for one in now if one.rate == rate]
        yield row(name, outcomes)


def table(rows: list[dict[str, object]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| rule | recall | mean delay, h (missed: 6) | median of the caught, min | false alarms a topic-week "
        "| in happy crowds | in floods |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        ends = one["intervals"]
        assert isinstance(ends, dict)  # noqa: S101 - `row` made it
        cells = [f"{one[m]:.2f} ({ends[m][0]:.2f}–{ends[m][1]:.2f})" for m in ("recall", "delay_h", "false_alarms")]
        floods = "" if one["in_floods"] is None else one["in_floods"]
        middle = one["median_delay_of_caught_min"]
        lines.append(
            f"| {one['rule']} | {cells[0]} | {cells[1]} | {middle} | {cells[2]} | {one['in_happy_crowds']} | {floods} |"
        )
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tweets")
    parser.add_argument("--model", type=Path, help="folder of an artifact that judges them, too")
    parser.add_argument("--topics", type=int, default=3, help="topics at each rate")
    parser.add_argument("--days", type=int, default=28, help="days of each topic")
    parser.add_argument("--warm-up", type=int, default=7, help="days without events, that count for nothing")
    parser.add_argument("--pool", type=int, default=0, help="texts of each kind that a topic draws from; 0: each once")
    parser.add_argument("--seed", type=int, default=11, help="of the tuning; the test's is the next")
    parser.add_argument("--alone", action="store_true", help="Vigie without the other rules")
    parser.add_argument("--json", action="store_true", help="everything as JSON instead of the table")
    arguments = parser.parse_args()
    tweets, world = read(arguments.data), replace(WORLD, days=arguments.days)

    def draw(seed: int) -> list[Told]:
        return [
            tell(tweets, rate, world, arguments.warm_up, np.random.default_rng([seed, rate, topic]), arguments.pool)
            for rate in RATES
            for topic in range(arguments.topics)
        ]

    past, now = [] if arguments.alone else draw(arguments.seed), draw(arguments.seed + 1)
    for title, calls in judges(tweets, arguments.model):
        tuning, test = ([Judged(one, [calls[post.text] for post in one.posts]) for one in some] for some in (past, now))
        rows = list(measured(tweets, tuning, test, arguments.warm_up, others=not arguments.alone))
        print(json.dumps({title: rows}) if arguments.json else f"### {title}\n\n{table(rows)}\n", flush=True)
    return 0


def judges(tweets: Tweets, model: Path | None) -> Iterator[tuple[str, list[bool]]]:
    """Who calls which texts negative."""
    yield "Given labels", (tweets.frame["label"] == 1).tolist()
    if model is not None:
        import vigie_model

        loaded = vigie_model.load(model)
        verdicts = [
            verdict
            for at in range(0, len(tweets.texts), 1_000)
            for verdict in loaded.predict(tweets.texts[at : at + 1_000])
        ]
        yield "The model's labels", [verdict.sentiment == "negative" for verdict in verdicts]


if __name__ == "__main__":
    sys.exit(main())
