"""Accuracy and ROC AUC against the number of rows learned from, on train rows that are left out.

    uv run python scripts/learning_curve.py tfidf_logreg use_logreg --data FOLDER --rows 1600 3200 6400 12000

With --into FILE the points join those of FILE, instead of its points of the same recipe and number of rows.

FOLDER is that of `vigie train --protocol full`. One row in eight of the small sample's train side is left out and
scored; the rest comes first, then rows of the larger file. The held-out tweets of the protocols are not touched.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from vigie_trainer.cli.rows import read_protocol
from vigie_trainer.cli.session import read_settings
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.data.protocols import protocol_folder

EVERY = 8
SEED = 42


def curve(names: list[str], folder: Path, sizes: list[int], threads: int) -> list[dict[str, Any]]:
    """One point a recipe and size; sizes beyond the rows there are mean all of them."""
    import vigie_model
    from vigie_trainer.chosen_encoders import chosen_encoders
    from vigie_trainer.fit import FitContext, fit
    from vigie_trainer.recipe import load_recipe
    from vigie_trainer.scoring.metrics import metrics

    settings = read_settings()
    material = read_protocol(Terminal(json_output=True), "full", protocol_folder("full", folder))
    texts, labels = material.split.train.texts, material.split.train.labels
    primary = np.arange(material.primary_rows)
    left_out = primary[::EVERY]
    known = np.setdiff1d(primary, left_out)
    others = np.random.default_rng(SEED).permutation(np.arange(material.primary_rows, len(texts)))
    order = np.concatenate([known, others])
    points = []
    for name in names:
        recipe = load_recipe(name)
        for size in sorted({min(size, len(order)) for size in sizes}):
            chosen = order[:size]
            with tempfile.TemporaryDirectory(prefix="vigie-curve-") as scratch:
                context = FitContext(
                    cache=settings.cache,
                    primary=min(size, len(known)),
                    encoders=chosen_encoders(settings, material.folder),
                )
                result = fit(
                    recipe,
                    [texts[row] for row in chosen],
                    labels[chosen],
                    out=Path(scratch) / "artifact",
                    trained={"dataset": "learning curve"},
                    threads=threads,
                    context=context,
                )
                scores = vigie_model.load(result.artifact, threads=1).score([texts[row] for row in left_out])
            figures = metrics(labels[left_out], scores)
            point = {"recipe": name, "rows": size, "scored": len(left_out), "fit_s": result.fit_s}
            points.append(point | {key: figures[key] for key in ("accuracy", "roc_auc", "log_loss")})
            print(json.dumps(points[-1]), file=sys.stderr, flush=True)
    return points


def main() -> None:
    """Read the arguments, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="+")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--rows", type=int, nargs="+", required=True, metavar="N")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--into", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    points = curve(arguments.recipe, arguments.data, arguments.rows, arguments.threads)
    if arguments.into is None:
        print(json.dumps({"points": points}, indent=1))
        return
    known = json.loads(arguments.into.read_text(encoding="utf-8"))["points"] if arguments.into.exists() else []
    arguments.into.write_text(json.dumps({"points": joined(known, points)}, indent=1) + "\n", encoding="utf-8")


def joined(known: list[dict[str, Any]], points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both, by recipe and number of rows; the new point where both have one."""
    found = {(one["recipe"], one["rows"]): one for one in [*known, *points]}
    return [found[place] for place in sorted(found)]


if __name__ == "__main__":
    main()
