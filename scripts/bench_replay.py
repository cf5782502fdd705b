"""Times `vigie-api replay` over posts with given labels: makes a file of them, replays it, prints seconds and memory.

uv run python scripts/bench_replay.py --posts 1000000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

START_S = 1_735_689_600  # 1 January 2025
CHUNK = 50_000
WORDS = 5_000


def rows(posts: int, topics: int, days: int, rng: np.random.Generator) -> Iterator[str]:
    """Lines of a CSV file in no order: a day and a night, 40 % negative, every text another one."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(WORDS)])
    for first in range(0, posts, CHUNK):
        count = min(CHUNK, posts - first)
        hour = rng.choice(24, count, p=np.repeat([1, 3, 5, 3], 6) / 72)
        at = START_S + 86_400 * rng.integers(0, days, count) + 3_600 * hour + rng.integers(0, 3_600, count)
        stamps = np.datetime_as_string(at.astype("datetime64[s]"))
        texts = words[rng.zipf(1.3, (count, 14)) % WORDS]
        labels = np.where(rng.random(count) < 0.4, "negative", "positive")
        for number in range(count):
            topic = f"brand {rng.integers(topics)}"
            author = f"user{rng.integers(posts)}"
            yield f"{topic},{stamps[number]}Z,{author},{labels[number]},@{topic} {' '.join(texts[number])}\n"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--topics", type=int, default=6)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--keep", type=Path, help="use this file; it is made when it is not there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or Path(folder) / "posts.csv"
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                file.write("topic,created_at,name,label,text\n")
                rng = np.random.default_rng(1)
                file.writelines(rows(arguments.posts, arguments.topics, arguments.days, rng))
        command = [str(Path(sys.executable).with_name("vigie-api")), "replay", "--input", str(path), "--json"]
        command += ["--topic-column", "topic", "--author-column", "name", "--label-column", "label"]
        began = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    measured = {
        "posts": arguments.posts,
        "seconds": round(took, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "memory_mb": round(used.ru_maxrss / 1_024),
        "episodes": len(done.stdout.splitlines()),
    }
    print(json.dumps(measured))
    print(done.stderr.splitlines()[-1], file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
