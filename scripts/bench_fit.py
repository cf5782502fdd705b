"""Accuracy and speed of the classical recipes: `uv run python scripts/bench_fit.py --data FILE.csv.gz [RECIPE …]`.

The file has columns `target` (0 negative, else positive) and `comment` or `text`. Rows are split 80/20 in file order
with seed 42; texts of the held-out side are taken out of the train side. Parameters are chosen by cross-validation on
the train side, the held-out side is scored once. Prints one JSON line a recipe.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

import vigie_model
from vigie_trainer.fit import fit
from vigie_trainer.recipe import Recipe, load_recipe


def main() -> None:
    """Bench the recipes named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=["tfidf_logreg", "tfidf_rf", "tfidf_lgbm"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1, help="final fits; the fastest and the median are told")
    arguments = parser.parse_args()
    frame = pd.read_csv(arguments.data, dtype={"id": "string"})
    column = next(name for name in ("text", "comment") if name in frame)
    train, held_out = train_test_split(frame, test_size=0.2, random_state=42)
    train = train[~train[column].isin(set(held_out[column]))]
    texts, labels = train[column].tolist(), (train["target"] > 0).to_numpy().astype(int)
    unseen, truth = held_out[column].tolist(), (held_out["target"] > 0).to_numpy().astype(int)
    for name in arguments.recipes:
        with tempfile.TemporaryDirectory() as folder:
            report = bench(name, texts, labels, unseen, truth, Path(folder), arguments.threads, arguments.repeat)
        print(json.dumps(report), flush=True)


def bench(
    name: str,
    texts: Sequence[str],
    labels: np.ndarray,
    unseen: Sequence[str],
    truth: np.ndarray,
    folder: Path,
    threads: int,
    repeat: int,
) -> dict[str, object]:
    """The report on one recipe."""
    recipe = load_recipe(name)
    if not isinstance(recipe, Recipe):
        raise SystemExit(f"{name} is a network or an ensemble; this bench is for features with a classifier.")
    cpu = time.process_time()
    result = fit(recipe, texts, labels, out=folder / "0", trained={"dataset": "bench"}, threads=threads)
    cpu = time.process_time() - cpu
    fits = [result.fit_s]
    chosen = recipe.with_values(result.cv["chosen"])
    for number in range(1, repeat):
        # Two folds: only the final fit is timed, and calibration needs some scores that were not fitted on.
        quick = chosen.model_copy(update={"search": chosen.search.model_copy(update={"folds": 2})})
        fits.append(fit(quick, texts, labels, out=folder / str(number), trained={}, threads=threads).fit_s)
    model = vigie_model.load(result.artifact, threads=threads)
    scores = model.score(unseen)
    alone = unseen[:500]
    return {
        "recipe": name,
        "train": len(texts),
        "held_out": len(unseen),
        "chosen": result.cv["chosen"],
        "cv_accuracy": round(result.cv["accuracy"], 4),
        "cv_roc_auc": round(result.cv["roc_auc"], 4),
        "accuracy": round(float(accuracy_score(truth, scores >= 0.5)), 4),
        "roc_auc": round(float(roc_auc_score(truth, scores)), 4),
        "brier": round(float(np.mean((scores - truth) ** 2)), 4),
        "uncertain": [round(edge, 3) for edge in model.manifest.uncertain],
        "search_s": round(result.search_s, 2),
        "fit_s": {"best": round(min(fits), 2), "median": round(statistics.median(fits), 2)},
        "whole_cpu_s": round(cpu, 2),
        "one_text_us": round(fastest(lambda: [model.predict_one(text) for text in alone]) / len(alone) * 1e6, 1),
        "batch_text_us": round(fastest(lambda: model.predict(alone)) / len(alone) * 1e6, 1),
        "artifact_mb": round(sum(path.stat().st_size for path in result.artifact.iterdir()) / 1e6, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def fastest(run: Callable[[], object], rounds: int = 10) -> float:
    """The seconds of the fastest of some rounds; what is slower was disturbed."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
