"""Jumps of the volume that mean no harm, and how many of them open an episode; prints a table.

Each topic has habits, wanders, and from its second week on brings 6 or 25 times its usual posts for 1 to 20 hours, two
days apart: with its usual mix of negative and other posts, or happier (a third of the negative ones). A jump opens an
episode when one begins within it, or within an hour after.

    uv run python scripts/early_warning_harmless.py --topics 4
"""

import argparse
import itertools
import json
import sys
from functools import partial

import numpy as np

from early_warning_rules import CANDIDATES, VIGIE, Maker, openings
from early_warning_tail import TailTest
from early_warning_world import DAY, PER_HOUR, Crowd, History, wandering
from vigie_api.watch.rules import Meltwater, Rule

RATES = (1.5, 4, 10, 30, 100)
TIMES = (6, 25)
_DAYS = 18
_FIRST_DAY = 8


def _tail(_rate: float) -> Rule:
    return TailTest(p=1e-4)


def _meltwater(_rate: float, ratio: float) -> Rule:
    return Meltwater(ratio=ratio)


RULES: dict[str, Maker] = {
    VIGIE: CANDIDATES[VIGIE][0][1],
    "negative binomial tail test, p 0.0001": _tail,
    "last hour / 12 hours (Meltwater), ratio 3": partial(_meltwater, ratio=3.0),
}


def topic(rate: float, times: float, rng: np.random.Generator, *, happy: bool) -> History:
    """A topic of so many posts an hour, 40 to 75 % of them negative, with jumps to so many times as many."""
    at = np.arange(_DAYS * DAY) / DAY
    habit = np.exp(0.7 * np.cos((at + rng.random()) * 2 * np.pi))
    wander = wandering(len(at), float(rng.uniform(0.05, 0.35)), float(rng.uniform(0.5, 3.0)), rng)
    usual, share = rate / PER_HOUR * habit / habit.mean() * wander, float(rng.uniform(0.4, 0.75))
    negatives, others, jumps = usual * share, usual * (1 - share), []
    start = _FIRST_DAY * DAY + int(rng.integers(DAY))
    while start < len(at) - DAY:
        end, mix = start + int(rng.uniform(1, 20) * PER_HOUR), share / 3 if happy else share
        negatives[start:end] += usual[start:end] * (times - 1) * mix
        others[start:end] += usual[start:end] * (times - 1) * (1 - mix)
        jumps.append(Crowd(start, end, happy))
        start = end + int(rng.uniform(36, 60) * PER_HOUR)
    bad, other = rng.poisson(negatives), rng.poisson(others)
    return History(rate, bad, bad + other, [], jumps, negatives)


def opening(make: Maker, some: list[History]) -> tuple[int, int]:
    """Jumps that open an episode, and all."""
    found = whole = 0
    for history in some:
        opened = openings(make(history.rate), history)
        whole += len(history.crowds)
        found += sum(any(jump.start <= at <= jump.end + PER_HOUR for at in opened) for jump in history.crowds)
    return found, whole


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=4, help="topics of each kind")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--json", action="store_true", help="as JSON instead of a table")
    arguments = parser.parse_args()
    found: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in RULES}
    for happy, times in itertools.product((False, True), TIMES):
        each = itertools.product(RATES, range(arguments.topics))
        seeds = [(arguments.seed, round(10 * rate), times, int(happy), number) for rate, number in each]
        some = [topic(seed[1] / 10, times, np.random.default_rng(seed), happy=happy) for seed in seeds]
        for name, make in RULES.items():
            found[name][f"{times} times, {'happy' if happy else 'the usual mix'}"] = opening(make, some)
    if arguments.json:
        print(json.dumps(found))
        return 0
    kinds = list(found[VIGIE])
    print(f"| rule | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}")
    for name, row in found.items():
        print(f"| {name} | {' | '.join(f'{some} of {whole}' for some, whole in row.values())} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
