"""From posts in order to episodes: what the live watch does, with the times of the posts for a clock."""

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vigie_api.replay.errors import Misuse
from vigie_api.watch.counts import BUCKET_S, bucket_of
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.duplicates import marks_of, passing_key
from vigie_api.watch.episodes import Episode, Severity, Step
from vigie_api.watch.rules import Fixed, Meltwater, Rule, ShareDip, Sigma
from vigie_api.watch.terms import Usual, rising, terms_of
from vigie_api.watch.topic import Fate, Topic
from vigie_api.watch.windows import LONGEST

RULES: Final[dict[str, Callable[[], Rule]]] = {
    "vigie": TopicDetector,
    "meltwater": Meltwater,
    "sigma": Sigma,
    "fixed": Fixed,
    "share": ShareDip,
}
MOST_TOPICS: Final = 1_000
_USUAL_A_BUCKET: Final = 4  # posts whose words are learned; the others of a busy bucket say the same
_MOST_WORDS: Final = 40_000
_RECENT: Final = 4_000  # negative posts whose words are at hand when an episode opens


def rule_named(name: str) -> Callable[[], Rule]:
    """What makes a rule of that name. Raises Misuse when there is none."""
    if name not in RULES:
        raise Misuse(f"--rule is one of {', '.join(RULES)}.")
    return RULES[name]


class NegativeOrNot(NamedTuple):
    """A post, judged."""

    at_s: float
    topic: str
    negative: bool
    text: str
    author: str | None


class Found(NamedTuple):
    """An episode, in seconds since 1970; `closed_s` is None when the posts end before it does."""

    topic: str
    onset_s: int
    opened_s: int
    closed_s: int | None
    severity: Severity
    negatives: int
    expected: float
    share: float
    terms: list[str]


class _Post(NamedTuple):
    bucket: int
    text: str


@dataclass(slots=True)
class _Terms:
    """The words of a topic's negative posts: of the open episode, and what is usual."""

    usual: Usual = field(default_factory=Usual)
    recent: deque[_Post] = field(default_factory=lambda: deque(maxlen=_RECENT))
    """Negative posts of the last hours."""
    words: Counter[str] = field(default_factory=Counter)
    posts: int = 0
    """Negative posts that `words` counts: those of the open episode."""
    _learned: tuple[int, int] = (0, 0)

    def take(self, bucket: int, text: str, *, is_open: bool) -> None:
        """Read a negative post."""
        if is_open:
            self._tell(text)
            return
        while self.recent and self.recent[0].bucket < bucket - LONGEST:
            self._learn(self.recent.popleft())
        self.recent.append(_Post(bucket, text))

    def _tell(self, text: str) -> None:
        self.words.update(terms_of(text))
        self.posts += 1
        if len(self.words) > _MOST_WORDS:
            self.words = Counter(dict(self.words.most_common(_MOST_WORDS // 2)))

    def _learn(self, post: _Post) -> None:
        bucket, count = self._learned
        count = count + 1 if bucket == post.bucket else 1
        self._learned = (post.bucket, count)
        if count <= _USUAL_A_BUCKET:
            self.usual.add(post.text)

    def opened(self, onset: int) -> None:
        """An episode began in that bucket: tell its posts from the usual ones."""
        for post in self.recent:
            if post.bucket >= onset:
                self._tell(post.text)
            else:
                self._learn(post)
        self.recent.clear()

    def closed(self) -> None:
        """The episode is over."""
        self.words.clear()
        self.posts = 0

    def rising(self) -> list[str]:
        """The terms that rose most, the most telling first."""
        return rising(self.words, self.posts, self.usual)


@dataclass(slots=True)
class _Told:
    """A topic, and the words to tell of its episodes with."""

    name: str
    topic: Topic
    terms: _Terms = field(default_factory=_Terms)

    def close(self, until: int) -> Iterator[Found]:
        """Read the buckets before `until`."""
        for _, episode, step in self.topic.close(until):
            if episode is None:
                continue
            if step is Step.OPENED:
                self.terms.opened(episode.onset)
            elif step is Step.CLOSED:
                yield self.found(episode)
                self.terms.closed()

    def found(self, episode: Episode) -> Found:
        """The episode as it is told."""
        return Found(
            self.name,
            episode.onset * BUCKET_S,
            (episode.opened + 1) * BUCKET_S,
            None if episode.closed is None else (episode.closed + 1) * BUCKET_S,
            episode.severity,
            episode.negatives,
            episode.expected,
            episode.share,
            self.terms.rising(),
        )


@dataclass(slots=True)
class Replay:
    """Runs posts, oldest first, through a rule; `copies` counts what was left out as copies or the same author's."""

    make: Callable[[], Rule]
    count_copies: bool = False
    copies: int = 0
    topics: dict[str, _Told] = field(default_factory=dict)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def run(self, posts: Iterable[NegativeOrNot]) -> list[Found]:
        """The episodes of all topics, by the time they opened.

        Raises:
            Misuse: more topics than a column of topics has.
        """
        episodes: list[Found] = []
        bucket = 0
        for at_s, name, negative, text, author in posts:
            told = self.topics.get(name)
            if told is None:
                if len(self.topics) >= MOST_TOPICS:
                    raise Misuse(f"more than {MOST_TOPICS:,} topics: is the topic column the right one?")
                told = self.topics[name] = _Told(name, Topic(self.make()))
            bucket, topic = bucket_of(at_s), told.topic
            marks: tuple[int, ...] = ()
            if not self.count_copies:
                marks = marks_of(text, passing_key(author, self._secret) if author else None)
            if bucket > (topic.rule.next_bucket or 0):
                episodes.extend(told.close(bucket))
            if topic.take(bucket, negative=negative, marks=marks) is Fate.COPY:
                self.copies += 1
            elif negative:
                told.terms.take(bucket, text, is_open=topic.tracker.is_open)
        for told in self.topics.values():
            episodes.extend(told.close(bucket + 1))
            episode = told.topic.tracker.episode
            if episode is not None and episode.closed is None:
                episodes.append(told.found(episode))
        return sorted(episodes, key=lambda found: (found.opened_s, found.topic))
