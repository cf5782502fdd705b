"""What corrections do for a new domain: accuracy against their number, chosen by /v1/review against chosen at random.

A champion is trained on a base of labelled posts. Posts of another domain are split into a pool and a held-out side.
From the pool, posts are taken either as /v1/review ranks them (the very function that the endpoint calls, which sees
texts and the champion's scores and no label) or at random; then comes what `vigie retrain` does: merge the verdicts,
hold out the newest fifth, and fit the features and the classifier on the base and the rest, with the weight of a
correction. Measured are the domain's held-out side and the base's. The champion's parameters and calibration serve all
along: `vigie retrain` chooses both again, which takes ten times as long and moves the figures little.

    uv run python scripts/adaptation.py --data var/protocol --png docs/images/adaptation.png --json adaptation.json
    uv run python scripts/adaptation.py --base tweets.csv.gz --pool pool.csv --heldout heldout.csv
"""

import argparse
import json
import math
import random
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vigie_model
from vigie_api.review.selection import Candidate, choose
from vigie_model import Cleaner
from vigie_trainer.cli.retrain import FEWEST_HELD_OUT, HELD_OUT_SHARE, WEIGHT
from vigie_trainer.data.demo import demo_posts
from vigie_trainer.data.protocols import MANUAL_TEST, MORE, SAMPLE
from vigie_trainer.data.reading import ReadOptions, read_labelled
from vigie_trainer.data.rows import text_key
from vigie_trainer.data.splitting import split
from vigie_trainer.fit import fit
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.vectorise import CountedCorpus, fit_features
from vigie_trainer.recipe import Recipe, TfidfSpec, load_recipe
from vigie_trainer.retraining.corrections import by_time, merge
from vigie_trainer.scoring.figures import BLUE, GREY, new_figure

COUNTS = (0, 25, 50, 100, 200, 300)
TOPICS = {
    "travel": "flights?|airport|airlines?|planes?|luggage|boarding|jetlag|southwest|jetblue",
    "school": "exams?|homework|revision|essay|maths?|chemistry|physics|biology|finals",
}
MOST_HELD_OUT, MOST_POOL = 1_200, 2_000
_TFIDF_ONLY = "Give a tfidf_* recipe; the others would take days here."
_START = datetime(2026, 1, 1, tzinfo=UTC)

Row = tuple[str, int]


@dataclass(frozen=True)
class Domain:
    """Labelled posts that the base has hardly any of; `sides` are given, or drawn anew for each split."""

    name: str
    rows: list[Row]
    given: tuple[list[Row], list[Row]] | None = None

    def sides(self, seed: int) -> tuple[list[Row], list[Row]]:
        """Pool and held-out side."""
        if self.given is not None:
            return self.given
        rows = list(self.rows)
        random.Random(seed).shuffle(rows)
        held_out = min(MOST_HELD_OUT, int(0.4 * len(rows)))
        return rows[held_out : held_out + MOST_POOL], rows[:held_out]


class Champion:
    """The model of the base, and the base."""

    def __init__(self, base: Path, recipe: str, weight: float) -> None:
        posts = read_labelled(base, ReadOptions())
        self.sides = split(posts)
        self.kept_out = {text_key(text) for text in self.sides.test.texts}
        self.weight = weight
        loaded = load_recipe(recipe)
        if not isinstance(loaded, Recipe):
            raise SystemExit(_TFIDF_ONLY)
        _tfidf(loaded)
        train = self.sides.train
        with tempfile.TemporaryDirectory(prefix="vigie-adaptation-") as folder:
            found = fit(loaded, train.texts, train.labels, out=Path(folder) / "artifact", trained={}, threads=1)
            self.model = vigie_model.load(found.artifact, threads=1)
        self.recipe = loaded.with_values(found.cv["chosen"])
        self.features = _tfidf(self.recipe)

    def unseen(self, rows: Sequence[Row]) -> list[Row]:
        """The rows whose text the base does not have, each text once."""
        seen = self.kept_out | {text_key(text) for text in self.sides.train.texts}
        kept = []
        for text, label in rows:
            if (key := text_key(text)) and key not in seen:
                seen.add(key)
                kept.append((text, label))
        return kept


def _tfidf(recipe: Recipe) -> TfidfSpec:
    if not isinstance(recipe.features, TfidfSpec):
        raise SystemExit(_TFIDF_ONLY)
    return recipe.features


class Bench:
    """A base with a domain beside it; everything is counted once, and fitted for each set of corrections."""

    def __init__(self, champion: Champion, pool: Sequence[Row], held_out: Sequence[Row]) -> None:
        self._champion = champion
        train, test = champion.sides.train, champion.sides.test
        texts = [*train.texts, *(text for text, _ in pool), *(text for text, _ in held_out), *test.texts]
        labels = [*train.labels.tolist(), *(label for _, label in pool), *(label for _, label in held_out)]
        self._labels = np.array(labels + test.labels.tolist(), dtype=np.int64)
        ends = np.cumsum([len(train.texts), len(pool), len(held_out), len(test.texts)]).tolist()
        self._base, self._held_out, self._fixed = (
            np.arange(start, end) for start, end in ((0, ends[0]), (ends[1], ends[2]), (ends[2], ends[3]))
        )
        self._place = {text_key(text): ends[0] + at for at, (text, _) in enumerate(pool)}
        self._spec = champion.features
        self._corpus = CountedCorpus(texts, Cleaner(champion.recipe.cleaning.options()))
        self._corpus.count_for(self._spec)
        # The champion's calibration is a line on the margins; where it crosses one half is the threshold.
        some = self._fixed[:500]
        margins = self._fitted(np.array([], dtype=np.intp))(some)
        scores = np.asarray(champion.model.score([texts[at] for at in some]))
        slope, intercept = np.polyfit(margins, np.log(scores / (1.0 - scores)), 1)
        self._threshold = -intercept / slope

    def after(self, corrections: Sequence[Row]) -> tuple[float, float]:
        """Accuracy on the domain's held-out side and on the base's, after corrections, oldest first."""
        verdicts = [
            {
                "id": str(at),
                "text": text,
                "correction": "positive" if label else "negative",
                "received_at": (_START + timedelta(seconds=at)).isoformat(),
            }
            for at, (text, label) in enumerate(corrections)
        ]
        merged = merge(verdicts, self._champion.kept_out)
        learned, _ = by_time(merged.corrections, HELD_OUT_SHARE, FEWEST_HELD_OUT)
        margins = self._fitted(np.array([self._place[text_key(one.text)] for one in learned], dtype=np.intp))
        return self._accuracy(margins, self._held_out), self._accuracy(margins, self._fixed)

    def _fitted(self, corrected: NDArray[np.intp]) -> Callable[[NDArray[np.intp]], NDArray[np.float64]]:
        rows = np.concatenate([self._base, corrected])
        weights = np.concatenate([np.ones(len(self._base)), np.full(len(corrected), self._champion.weight)])
        features, matrix = fit_features(self._corpus, self._spec, rows, self._labels[rows])
        classifier = self._champion.recipe.classifier
        model = fit_classifier(classifier, matrix, self._labels[rows], weights, seed=42, threads=1)
        return lambda wanted: model.margins(features.rows(wanted))

    def _accuracy(self, margins: Callable[[NDArray[np.intp]], NDArray[np.float64]], rows: NDArray[np.intp]) -> float:
        return float(((margins(rows) >= self._threshold) == (self._labels[rows] == 1)).mean())


def by_review(champion: Champion, pool: Sequence[Row], count: int) -> list[Row]:
    """What the endpoint would put before a person, best first; labels are only read afterwards."""
    scores = champion.model.score([text for text, _ in pool])
    candidates = [
        Candidate(str(at), text, float(score)) for at, ((text, _), score) in enumerate(zip(pool, scores, strict=True))
    ]
    return [pool[int(choice.candidate.prediction_id)] for choice in choose(candidates, count)]


def run(champion: Champion, domain: Domain, splits: int, seeds: int) -> dict[str, Any]:
    """The curves of a domain: mean and standard error over its splits."""
    points: dict[int, dict[str, list[float]]] = {}
    sizes = (0, 0)
    for number in range(splits):
        pool, held_out = domain.sides(number)
        sizes = len(pool), len(held_out)
        counts = [count for count in COUNTS if count <= len(pool)]
        ranked = by_review(champion, pool, max(counts))
        bench = Bench(champion, pool, held_out)
        drawn = [random.Random(seed).sample(pool, max(counts)) for seed in range(seeds)]
        for count in counts:
            point = points.setdefault(count, {"review": [], "random": [], "fixed_review": [], "fixed_random": []})
            for name, lists in (("review", [ranked]), ("random", drawn)):
                found = np.array([bench.after(one[:count]) for one in (lists if count else lists[:1])])
                point[name].append(float(found[:, 0].mean()))
                point[f"fixed_{name}"].append(float(found[:, 1].mean()))
            print(f"{domain.name}, split {number + 1}, {count}: {last(point)}", file=sys.stderr, flush=True)
    return {"domain": domain.name, "pool": sizes[0], "heldout": sizes[1], "splits": splits, "seeds": seeds} | {
        "curve": [
            {"corrections": count}
            | {name: summary(values) for name, values in point.items()}
            | {"gain": summary([ours - other for ours, other in zip(point["review"], point["random"], strict=True)])}
            for count, point in points.items()
        ]
    }


def last(point: dict[str, list[float]]) -> str:
    """The newest figures, for who watches."""
    return ", ".join(f"{name} {values[-1]:.4f}" for name, values in point.items())


def summary(values: list[float]) -> dict[str, float | None]:
    """Mean over the splits, and its standard error (None of one split)."""
    error = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "error": error}


def domains(champion: Champion, folder: Path) -> list[Domain]:
    """The demo corpus by language, topics of the further tweets, and the brands of the manual test set."""
    demo = demo_posts()
    found = {
        name: [
            (text, label)
            for text, label, language in zip(demo.texts, demo.labels, demo.columns["language"], strict=True)
            if language == code
        ]
        for name, code in (("French posts about an airline", "fr"), ("English posts about an airline", "en"))
    }
    if (folder / MORE).is_file():
        more = read_labelled(folder / MORE, ReadOptions())
        for topic, words in TOPICS.items():
            pattern = re.compile(rf"\b({words})\b", re.IGNORECASE)
            rows = zip(more.texts, more.labels, strict=True)
            found[f"tweets about {topic}"] = [row for row in rows if pattern.search(row[0])]
    if (folder / MANUAL_TEST).is_file():
        manual = read_labelled(folder / MANUAL_TEST, ReadOptions())
        found["brands of the manual test set"] = list(zip(manual.texts, manual.labels, strict=True))
    return [Domain(name, champion.unseen(rows)) for name, rows in found.items()]


def draw(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """One panel a domain: both curves with their standard errors."""
    figure, axes = new_figure(3.4 * len(results), 3.3, len(results))
    for axis, result in zip(axes, results, strict=True):
        counts = [point["corrections"] for point in result["curve"]]
        for name, label, colour in (("random", "at random", GREY), ("review", "chosen by /v1/review", BLUE)):
            means = [100 * point[name]["mean"] for point in result["curve"]]
            errors = [100 * (point[name]["error"] or 0.0) for point in result["curve"]]
            axis.errorbar(counts, means, yerr=errors, color=colour, label=label, marker="o", markersize=3, capsize=2)
        axis.set_title(result["domain"], fontsize=9)
        axis.set_xlabel("corrections")
    axes[0].set_ylabel("accuracy on the domain, %")
    axes[0].legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def table(results: Sequence[dict[str, Any]]) -> str:
    """The last point of each curve, as Markdown."""
    lines = [
        "| domain | pool / held out | before | corrections | at random | by `/v1/review` | difference | fixed set |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        first, end = result["curve"][0], result["curve"][-1]
        moved = 100 * (end["fixed_review"]["mean"] - first["fixed_review"]["mean"])
        cells = [
            result["domain"],
            f"{result['pool']:,} / {result['heldout']:,}",
            f"{100 * first['review']['mean']:.1f} %",
            str(end["corrections"]),
            figure_of(end["random"]),
            figure_of(end["review"]),
            figure_of(end["gain"], "+") + " points",
            f"{moved:+.2f} points",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure_of(value: dict[str, float | None], sign: str = "") -> str:
    """A mean with its standard error, in percent."""
    error = f" ± {100 * value['error']:.1f}" if value["error"] is not None else ""
    return f"{100 * (value['mean'] or 0.0):{sign}.1f}{error}" + ("" if sign else " %")


def labelled(path: Path) -> list[Row]:
    """The rows of a labelled file."""
    posts = read_labelled(path, ReadOptions())
    return list(zip(posts.texts, posts.labels, strict=True))


def main() -> None:
    """Measure the domains that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder of a protocol: its 16k sample is the base")
    parser.add_argument("--base", type=Path, metavar="FILE", help="labelled posts that the champion learns")
    parser.add_argument("--pool", type=Path, metavar="FILE", help="labelled posts of a domain, to choose from")
    parser.add_argument("--heldout", type=Path, metavar="FILE", help="labelled posts of it, to measure on")
    parser.add_argument("--only", metavar="WORD", help="domains with this word in their name")
    parser.add_argument("--recipe", default="tfidf_logreg")
    parser.add_argument("--weight", type=float, default=WEIGHT, help="of a correction")
    parser.add_argument("--splits", type=int, default=3, help="pool and held-out side are drawn so often")
    parser.add_argument("--seeds", type=int, default=3, help="random choices in each split")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--png", type=Path, metavar="FILE")
    told = parser.parse_args()
    base = told.base or (told.data / SAMPLE if told.data else None)
    if base is None or (told.pool is None) != (told.heldout is None) or (told.data is None and told.pool is None):
        parser.error("give --data FOLDER, or --base, --pool and --heldout")
    champion = Champion(base, told.recipe, told.weight)
    if told.pool is not None:
        sides = champion.unseen(labelled(told.pool)), labelled(told.heldout)
        chosen = [Domain(told.pool.stem, [], sides)]
    else:
        chosen = [one for one in domains(champion, told.data) if not told.only or told.only in one.name]
    splits = 1 if told.pool is not None else told.splits
    results: list[dict[str, Any]] = []
    for domain in chosen:  # written after each: a cut run keeps what it has
        results.append(run(champion, domain, splits, told.seeds))
        if told.json is not None:
            document = {"weight": told.weight, "domains": results}
            told.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        if told.png is not None:
            draw(told.png, results)
    print(table(results))


if __name__ == "__main__":
    main()
