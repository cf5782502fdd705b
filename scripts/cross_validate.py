"""What cross-validation on the train side says of a recipe with other values; the held-out tweets are not touched.

    uv run python scripts/cross_validate.py tfidf_logreg --data FOLDER features.word.negation_span=0,3 classifier.C=4.0

Every combination of the values is tried on the same folds. FOLDER is that of `vigie train --protocol`. With --into FILE
the results join those of FILE, instead of the same combination's earlier one.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from vigie_trainer.cli.rows import read_protocol
from vigie_trainer.cli.session import read_settings
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.data.protocols import protocol_folder


def tried(name: str, grid: dict[str, list[Any]], protocol: str, folder: Path, threads: int) -> list[dict[str, Any]]:
    """Mean accuracy and ROC AUC over the folds of each combination, best first."""
    from vigie_trainer.chosen_encoders import chosen_encoders
    from vigie_trainer.fit import FitContext, fit
    from vigie_trainer.recipe import Recipe, load_recipe

    settings = read_settings()
    material = read_protocol(Terminal(json_output=True), protocol, protocol_folder(protocol, folder))
    shipped = load_recipe(name)
    if not isinstance(shipped, Recipe):
        raise SystemExit(f"{name} is a network or an ensemble: it has no folds.")
    document = shipped.model_dump()
    document["search"]["grid"] = grid
    recipe = Recipe.model_validate(document)
    with tempfile.TemporaryDirectory(prefix="vigie-tried-") as scratch:
        result = fit(
            recipe,
            material.split.train.texts,
            material.split.train.labels,
            out=Path(scratch) / "artifact",
            trained={"dataset": "cross-validation"},
            threads=threads,
            context=FitContext(
                cache=settings.cache,
                primary=material.primary_rows,
                encoders=chosen_encoders(settings, material.folder),
            ),
        )
    rows = min(len(material.split.train.texts), recipe.search.max_rows or sys.maxsize)
    known = {"recipe": name, "protocol": protocol, "rows": rows, "scored": min(rows, material.primary_rows)}
    return [
        known
        | {
            "folds": result.cv["folds"],
            "values": {key: value for key, value in one.items() if key not in ("accuracy", "roc_auc")},
            "accuracy": one["accuracy"],
            "roc_auc": one["roc_auc"],
        }
        for one in result.cv["candidates"]
    ]


def joined(known: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both, by recipe and protocol, best first; the new result of what both have."""
    found = {json.dumps([one["recipe"], one["protocol"], one["values"]]): one for one in [*known, *new]}
    return sorted(found.values(), key=lambda one: (one["recipe"], one["protocol"], -one["accuracy"]))


def main() -> None:
    """Read the arguments, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("value", nargs="+", help="NAME=VALUE,VALUE …, such as classifier.C=2.0,4.0")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--protocol", choices=("16k", "full"), default="16k")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--into", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    grid = {name: yaml.safe_load(f"[{values}]") for name, _, values in (one.partition("=") for one in arguments.value)}
    found = tried(arguments.recipe, grid, arguments.protocol, arguments.data, arguments.threads)
    print(json.dumps({"tried": found}, indent=1))
    if arguments.into is not None:
        known = json.loads(arguments.into.read_text(encoding="utf-8"))["tried"] if arguments.into.exists() else []
        arguments.into.write_text(json.dumps({"tried": joined(known, found)}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
