"""Fill a running Vigie with a made-up week of posts, so that the page Watch can be seen alive.

    uv run python scripts/demo_week.py --api-url http://127.0.0.1:8000

The posts are the built-in demo corpus's: synthetic sentences in French and English about an airline, handed in under
the source "demo" with made-up times: few at night, many in the evening, about one in five negative. One surge ends
now: a strike, flights cancelled, passengers who wait. Every fifth day had an afternoon of lost bags, so that there is
an episode that is over. Nothing else is marked or changed; `vigie-api forget` or the retention removes them like any
other post. Running it again adds the posts of the time since, and no post twice.
"""

import argparse
import math
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from vigie_trainer.data.demo import demo_posts

SOURCE: Final = "demo"
BRAND: Final = "Air Paradis"
BAGS: Final = "Bagages"
HOURLY: Final = {BRAND: 16.0, BAGS: 5.0}
"""Posts in the busiest hour of an ordinary day."""
NEGATIVE_SHARE: Final = 0.2
SURGE_POSTS: Final = 84
SURGE_LASTS: Final = timedelta(minutes=80)
LOST_EVERY_DAYS: Final = 5
LOST_AT: Final = timedelta(hours=15)
LOST_POSTS: Final = 26
LOST_LASTS: Final = timedelta(hours=1)
LOST_AGO: Final = timedelta(days=1)
"""How old an afternoon of lost bags is at least: today belongs to the strike."""
BATCH: Final = 500
TRIES: Final = 60

AIRLINE: Final = re.compile(
    r"\b(vols?|avions?|bagages?|valises?|flights?|crew|a[ée]?roports?|airports?|embarquement|seats?|sièges?|gate|planes?"
    r"|luggage|bags?|cabine?|boarding|pilote?|[ée]quipage|steward|compagnie|airline|airparadis|suitcase|landed|tarmac)\b",
    re.IGNORECASE,
)
BAGGAGE: Final = re.compile(r"bagage|valise|luggage|\bbags?\b|suitcase|soute", re.IGNORECASE)
STRIKE: Final = re.compile(r"\bannul|cancel|scrapped|gr[èe]ve|strike", re.IGNORECASE)
STRANDED: Final = re.compile(
    r"bloqué\w* (à|ici|sur)|coincée dans l|\bstuck (in the terminal|on the (plane|runway)|at the airport)"
    r"|still stuck in|my family is stuck|stranded|tarmac|missed my connection|miss my connection|connection missed"
    r"|correspondance (ratée|à cause)|ma correspondance|cette correspondance|par terre dans l|banc d.aéroport|no hotel"
    r"|no (information|news)|aucune (information|annonce|solution)|toujours aucune|sans info|on hold|téléphone, \d+"
    r"|help desk|attente .*comptoir|seul comptoir|g attendu|pk personne|chaos|gérer un retard|delayed again"
    r"|retard enorme|\b(hours|heures) (late|de retard)",
    re.IGNORECASE,
)
"""Whom a strike leaves at the airport, and what they say."""
LOST: Final = re.compile(
    r"perdu|perdez|\blost\b|losing my|bags missing|never made it|never got our|didn.t arrive|where is my"
    r"|où est ma valise|nouvelles de ma valise|sans valise|jamais suivi|went to rome|to oslo|à oslo|à tokyo|introuvable"
    r"|no luggage",
    re.IGNORECASE,
)
ELSEWHERE: Final = re.compile(
    r"concert|f[êe]te\b|\bmatch|famille est malade|assurance|mon chat|turbulence|lovely|gentil|sweet|sièges corrects"
    r"|christmas|noël|bagages perdus|quatre mois",
    re.IGNORECASE,
)
"""What has the words of the story and is about something else."""

Mention = dict[str, Any]


class Corpus:
    """The demo corpus by what a post is about."""

    def __init__(self) -> None:
        posts = demo_posts()
        rows = list(zip(posts.texts, posts.labels, strict=True))
        about = [(text, label) for text, label in rows if AIRLINE.search(text)]
        angry = [text for text, label in rows if label == 0 and not ELSEWHERE.search(text)]
        self.cancelled = [text for text in angry if STRIKE.search(text)]
        self.stranded = [text for text in angry if STRANDED.search(text) and not STRIKE.search(text)]
        # What the surge is about is new: the ordinary days speak of something else.
        usual = [text for text, label in about if label == 0]
        self.negative = {BRAND: [text for text in usual if not STRIKE.search(text) and not STRANDED.search(text)]}
        self.positive = {BRAND: [text for text, label in about if label == 1]}
        bags = [text for text in self.negative[BRAND] if BAGGAGE.search(text)]
        self.lost = [text for text in bags if LOST.search(text)]
        self.negative[BAGS] = [text for text in bags if not LOST.search(text)]
        self.positive[BAGS] = [text for text in self.positive[BRAND] if BAGGAGE.search(text)]


def busy(at: datetime) -> float:
    """How much of the busiest hour's traffic an hour has, in (0, 1]: little at night, most in the evening."""
    by_hour = 0.12 + 0.88 * max(0.0, math.sin((at.hour - 5) / 19 * math.pi)) ** 1.5 if at.hour >= 5 else 0.12
    return by_hour * (0.75 if at.weekday() >= 5 else 1.0)


def ordinary(corpus: Corpus, start: datetime, now: datetime) -> Iterator[Mention]:
    """The posts of every whole hour since `start`, the same whenever they are asked for, up to `now`."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour <= now:
        for topic, most in HOURLY.items():
            # By the hour and the topic alone: another run makes the same posts of the same hour.
            chance = random.Random(f"{topic} {hour.isoformat()}")
            for number in range(round(chance.gauss(mu=1.0, sigma=0.25) * most * busy(hour))):
                pool = corpus.negative if chance.random() < NEGATIVE_SHARE else corpus.positive
                at = hour + timedelta(seconds=chance.uniform(0, 3600))
                name = f"{topic}-{hour:%Y%m%d%H}-{number}"
                mention = post(name, topic, chance.choice(pool[topic]), at, chance)
                if start <= at <= now:
                    yield mention
        hour += timedelta(hours=1)


def lost(corpus: Corpus, start: datetime, now: datetime) -> Iterator[Mention]:
    """Every fifth day's afternoon of lost bags, the same whenever it is asked for."""
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while (day := day + timedelta(days=1)) + LOST_AT + LOST_LASTS <= now - LOST_AGO:
        if day.toordinal() % LOST_EVERY_DAYS == 0:
            chance = random.Random(f"lost {day:%Y%m%d}")
            texts = chance.sample(corpus.lost, k=min(LOST_POSTS, len(corpus.lost)))
            for number, text in enumerate(texts):
                at = day + LOST_AT + LOST_LASTS * math.sqrt((number + chance.random()) / len(texts))
                yield post(f"lost-{day:%Y%m%d}-{number}", BAGS, text, at, chance)


def surge(corpus: Corpus, now: datetime) -> Iterator[Mention]:
    """A strike that began a while ago and grows until now; one a day, whenever it was asked for first.

    First flights are cancelled, then passengers tell where that leaves them.
    """
    chance = random.Random(f"surge {now:%Y%m%d}")
    order = [(chance.random(), text) for text in corpus.cancelled]
    order += [(0.4 + chance.random(), text) for text in corpus.stranded]
    for number, (_, text) in enumerate(sorted(order)[:SURGE_POSTS]):
        at = now - SURGE_LASTS * (1 - math.sqrt((number + chance.random()) / SURGE_POSTS))
        yield post(f"surge-{now:%Y%m%d}-{number}", BRAND, text, at, chance)


def post(name: str, topic: str, text: str, at: datetime, chance: random.Random) -> Mention:
    """One post, as POST /v1/mentions takes it."""
    return {
        "source": SOURCE,
        "external_id": name,
        "topic": topic,
        "text": text,
        "created_at": at.isoformat(),
        "author": f"demo-{name}",
        "reach": round(chance.lognormvariate(5, 1.5)),
    }


def send(http: httpx.Client, mentions: list[Mention]) -> tuple[int, int, int]:
    """Hand in a list, and again while the API is busy; how many were new, known and refused."""
    answer = http.post("/v1/mentions", json={"mentions": mentions})
    for _ in range(TRIES):
        if answer.status_code not in (429, 503):
            break
        time.sleep(min(30.0, float(answer.headers.get("retry-after", "1"))))
        answer = http.post("/v1/mentions", json={"mentions": mentions})
    if not answer.is_success:
        raise SystemExit(f"The API refused the posts: {answer.status_code} {answer.text[:300]}")
    receipt = answer.json()
    return receipt["accepted"], receipt["duplicates"], len(receipt["refused"])


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """What the command was asked."""
    parser = argparse.ArgumentParser(description="Fill a running Vigie with a made-up week of posts.")
    url = os.environ.get("VIGIE_API_URL") or "http://127.0.0.1:8000"
    parser.add_argument("--api-url", default=url, help="the API, without /v1 (VIGIE_API_URL; %(default)s)")
    parser.add_argument("--api-key", default=os.environ.get("VIGIE_API_KEY"), help="a key with the scope ingest")
    parser.add_argument("--days", type=int, default=7, choices=range(1, 31), metavar="1-30", help="(%(default)s)")
    parser.add_argument("--calm", action="store_true", help="without the surge")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> None:
    """Make the posts and hand them in, oldest first."""
    asked = arguments(given)
    now = datetime.now(UTC)
    corpus = Corpus()
    start = now - timedelta(days=asked.days)
    mentions = [*ordinary(corpus, start, now), *lost(corpus, start, now)]
    if not asked.calm:
        mentions += surge(corpus, now)
    mentions.sort(key=lambda mention: str(mention["created_at"]))
    headers = {"Authorization": f"Bearer {asked.api_key}"} if asked.api_key else {}
    totals = [0, 0, 0]
    try:
        with httpx.Client(base_url=asked.api_url, headers=headers, timeout=60, trust_env=False) as http:
            for first in range(0, len(mentions), BATCH):
                part = send(http, mentions[first : first + BATCH])
                totals = [sum(pair) for pair in zip(totals, part, strict=True)]
    except httpx.HTTPError as error:
        hint = "start Vigie first, with `make demo`, or say with --api-url where it is"
        sys.exit(f"No answer from {asked.api_url} ({error}): {hint}.")
    new, known, refused = totals
    print(f"{new} posts handed in, {known} were there already, {refused} refused. See the page Watch (/veille).")


if __name__ == "__main__":
    main()
