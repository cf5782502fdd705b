"""Histories of topics made of real tweets: their texts, authors, labels, and hours; surges, crowds and floods put in.

The tweets are Sentiment140's, from a folder with `sentiment140_more.csv.gz` (columns target, date, user, text),
`sentiment140_manual_test.csv` (polarity, text; its neutral posts) and `sentiment140_16k.csv.gz` (date; the hours). A
topic gets a rate of its own, as many posts a bucket as real people posted at that hour of that weekday, and events of
the simulator's shapes.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from early_warning_world import DAY, PER_HOUR, Counts, Crowd, History, Rates, Surge, World, events, holes, wandering
from vigie_api.watch.counts import BUCKET_S

THEMES: Final = (
    "flight|plane|airport", "phone|iphone", "sick|headache|fever", "work|job", "rain|cold|weather", "exam|homework",
    "internet|computer|laptop", "car|bus|train|traffic", "money|broke|bill", "sleep|tired",
)  # fmt: skip
"""What the posts of a surge have in common."""
NEUTRAL: Final = 0.2
"""Share of posts that are neither."""
START_S: Final = 1_424_044_800  # Monday, 16 February 2015
NEGATIVE, OTHER, NOBODY = 1, 0, 2


class Post(NamedTuple):
    """One post; `text` is its number in `Tweets.texts`, unless it is written out."""

    at_s: float
    negative: bool
    text: int
    prefix: str
    author: str


class Told(NamedTuple):
    """A topic: its posts in the order of their times, and the truth about its events."""

    posts: list[Post]
    history: History
    kinds: list[str]
    """Of each surge: "plain" or "retweets"."""
    floods: list[Crowd]


@dataclass(frozen=True)
class Tweets:
    """The real posts; rows of text, label (0 other, 1 negative, 2 neutral) and author."""

    frame: pd.DataFrame
    hours: Rates
    """Posts at each hour of the week (Monday first), mean 1."""

    @cached_property
    def texts(self) -> list[str]:
        """All of them."""
        return list(self.frame["text"])

    @cached_property
    def authors(self) -> list[str]:
        """Of each text; the neutral ones have made-up names."""
        return list(self.frame["user"])

    def rows(self, label: int) -> Counts:
        """Numbers of the posts with that label."""
        return np.flatnonzero((self.frame["label"] == label).to_numpy())

    @cached_property
    def themes(self) -> list[Counts]:
        """Numbers of the negative posts about each theme."""
        bad = self.frame["label"] == NEGATIVE
        return [
            np.flatnonzero((bad & self.frame["text"].str.contains(rf"\b(?:{theme})", case=False)).to_numpy())
            for theme in THEMES
        ]


def read(folder: Path) -> Tweets:
    """The tweets that have a date and an author, and the neutral ones."""
    some = pd.read_csv(folder / "sentiment140_more.csv.gz", dtype=str, keep_default_na=False)
    some = some[some["date"] != ""]
    manual = pd.read_csv(folder / "sentiment140_manual_test.csv", dtype=str, keep_default_na=False)
    neutral = manual[manual["polarity"] == "2"]
    first = pd.DataFrame(
        {"text": some["text"], "label": np.where(some["target"] == "0", NEGATIVE, OTHER), "user": some["user"]}
    )
    second = pd.DataFrame(
        {"text": neutral["text"], "label": NOBODY, "user": [f"neutral {n}" for n in range(len(neutral))]}
    )
    return Tweets(pd.concat([first, second], ignore_index=True), _hours(folder))


def _hours(folder: Path) -> Rates:
    """The hour of the day, on working days and at the end of the week; of single weekdays the corpus has too few.

    From the uniform sample, up to the day before its collection breaks.
    """
    dates = pd.read_csv(folder / "sentiment140_16k.csv.gz", usecols=["date"], dtype=str)["date"]
    plain = dates.str.replace(r" P[DS]T", "", regex=True)
    stamps: pd.Series[pd.Timestamp] = pd.to_datetime(plain, format="%a %b %d %H:%M:%S %Y")
    stamps = stamps[stamps < pd.Timestamp("2009-06-16")]
    table = np.zeros((2, 24))
    np.add.at(table, ((stamps.dt.weekday >= 5).astype(int), stamps.dt.hour), 1)
    table = (np.roll(table, 1, 1) + 2 * table + np.roll(table, -1, 1)) / 4
    working, free = table / table.sum(1, keepdims=True)
    week = np.array([working] * 5 + [free] * 2).reshape(168)
    return np.asarray(week / week.mean())


def tell(tweets: Tweets, rate: float, world: World, warm_up: int, rng: np.random.Generator, pool: int = 0) -> Told:
    """A history of a topic with so many posts an hour.

    Args:
        tweets: the real posts.
        rate: posts an hour.
        world: days, events and wandering; the classifier's errors are not used.
        warm_up: days before the first event.
        rng: all chance.
        pool: texts that the topic has, drawn again and again; 0: none is drawn twice.
    """
    length, share = world.days * DAY, float(rng.uniform(*world.share))
    usual = rate / PER_HOUR * np.resize(np.repeat(tweets.hours, PER_HOUR), length)
    usual = usual * np.repeat(np.exp(rng.normal(0, 0.2, world.days)), DAY)
    wander = wandering(length, float(rng.uniform(*world.wandering)), float(rng.uniform(0.5, 3.0)), rng)
    surges, crowds, added = events(usual, np.full(length, share), world, rng, first_day=warm_up)
    rates = {NEGATIVE: usual * share, OTHER: usual * (1 - share) * (1 - NEUTRAL), NOBODY: usual * (1 - share) * NEUTRAL}
    brought = {label: rng.poisson(rate * wander) for label, rate in rates.items()}
    for crowd, more, mix in added:
        part = slice(crowd.start, crowd.end)
        brought[NEGATIVE][part] += rng.poisson(more * mix)
        brought[OTHER][part] += rng.poisson(more * (1 - mix))
    for start, end in holes(length, surges, rng, warm_up):
        for counts in brought.values():
            counts[start:end] = 0
    posts: list[Post] = []
    for label, counts in brought.items():
        _usual(posts, tweets, tweets.rows(label), counts, rng, pool)
    counted, kinds = [], []
    for onset, peak, end, times, more in surges:
        theme, extra = tweets.themes[int(rng.integers(len(THEMES)))], rng.poisson(more)
        kinds.append("retweets" if rng.random() < 0.33 else "plain")
        _surge(posts, tweets, theme, onset, extra, rng, retweets=kinds[-1] == "retweets")
        counted.append(Surge(onset, peak, end, times, int(extra[: peak - onset + PER_HOUR // 2].sum())))
    floods = _floods(posts, tweets, length, counted, warm_up, rng)
    posts.sort()
    total, negatives = np.zeros(length, dtype=np.int64), np.zeros(length, dtype=np.int64)
    return Told(posts, History(rate, negatives, total, counted, crowds, usual), kinds, floods)


def _at(bucket: int, rng: np.random.Generator) -> float:
    return START_S + float((bucket + rng.random()) * BUCKET_S)


def _usual(
    posts: list[Post], tweets: Tweets, rows: Counts, counts: Counts, rng: np.random.Generator, pool: int
) -> None:
    label = int(tweets.frame["label"].iloc[rows[0]])
    if pool:
        rows = rng.choice(rows, min(pool, len(rows)), replace=False)
        drawn = rng.choice(rows, int(counts.sum()))
    else:
        drawn = np.resize(rng.permutation(rows), int(counts.sum()))  # the neutral ones are few, and come again
    for bucket, text in zip(np.repeat(np.arange(len(counts)), counts).tolist(), drawn.tolist(), strict=True):
        author = (
            tweets.authors[text]
            if not pool and label != NOBODY
            else f"{tweets.authors[text]} {rng.integers(1_000_000)}"
        )
        posts.append(Post(_at(bucket, rng), label == NEGATIVE, text, "", author))


def _surge(
    posts: list[Post],
    tweets: Tweets,
    theme: Counts,
    onset: int,
    extra: Counts,
    rng: np.random.Generator,
    *,
    retweets: bool,
) -> None:
    drawn = rng.choice(theme, int(extra.sum()), replace=bool(extra.sum() > len(theme)))
    heads: list[int] = []
    for bucket, text in zip(np.repeat(np.arange(len(extra)), extra).tolist(), drawn.tolist(), strict=True):
        author = tweets.authors[text]
        prefix, chosen = "", text
        if retweets and heads and rng.random() < 0.7:  # another person passes one of the first three on
            chosen = heads[int(rng.integers(len(heads)))]
            prefix = f"RT @{tweets.authors[chosen]}: "
        elif len(heads) < 3:
            heads.append(text)
        posts.append(Post(_at(onset + bucket, rng), True, chosen, prefix, author))


def _floods(
    posts: list[Post], tweets: Tweets, length: int, surges: list[Surge], warm_up: int, rng: np.random.Generator
) -> list[Crowd]:
    """Robots: one negative text, or one author, 30 to 150 times within an hour or two; never near a surge."""
    floods = []
    for _ in range(max(1, (length // DAY - warm_up) // 7)):
        start = int(rng.uniform(warm_up * DAY, length - 4 * PER_HOUR))
        end = start + int(rng.uniform(1, 2) * PER_HOUR)
        if any(start < surge.end + 6 * PER_HOUR and end > surge.onset - 6 * PER_HOUR for surge in surges):
            continue
        floods.append(Crowd(start, end, happy=False))
        theme, one_author = tweets.themes[int(rng.integers(len(THEMES)))], bool(rng.random() < 0.5)
        same = int(rng.choice(theme))
        for number in range(int(rng.integers(30, 150))):
            text = int(rng.choice(theme)) if one_author else same
            author = "robot" if one_author else f"robot {number}"
            posts.append(Post(_at(int(rng.integers(start, end)), rng), True, text, "", author))
    return floods
