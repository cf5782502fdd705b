"""The files of a run: pictures, curves, mistakes, held-out rows, lineage."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vigie_trainer.data.rows import text_hashes
from vigie_trainer.data.splitting import Side
from vigie_trainer.material import Material

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vigie_trainer.fit import FitResult
    from vigie_trainer.identity import AnyRecipe

HELD_OUT = "heldout/heldout.csv.gz"
CORRECTIONS_HELD_OUT = "heldout/corrections.csv.gz"
CORRECTIONS = "lineage/corrections.json"
TRAIN_HASHES = "lineage/train_text_hashes.npy"
LANGUAGES = "lineage/train_languages.json"
_ROC_POINTS = 500
_LANGUAGE_ROWS = 5_000  # enough to know the share of each language to a point or two


def write_files(
    files: Path,
    material: Material,
    scores: "NDArray[np.float64]",
    result: "FitResult",
    recipe: "AnyRecipe",
    row: dict[str, Any],
) -> None:
    """Write what becomes the run's artifacts in MLflow.

    Args:
        scores: P(positive) of the held-out rows.
        row: the run's entry of --json; it goes along whole, as row.json.
    """
    import yaml

    from vigie_trainer.scoring.figures import write_figures, write_learning_curves
    from vigie_trainer.scoring.metrics import calibration_bins, confusion_matrix, roc_curve

    test_side = material.split.test
    title = f"{recipe.name}, {material.posts.name}"
    write_figures(files / "figures", test_side.labels, scores, title)
    if result.curves:
        write_learning_curves(files / "figures" / "learning_curves.png", result.curves, title)
    curves: dict[str, Any] = {"calibration": calibration_bins(test_side.labels, scores)}
    if 0 < int(test_side.labels.sum()) < len(test_side.labels):
        false_rate, true_rate = roc_curve(test_side.labels, scores)
        step = max(1, len(false_rate) // _ROC_POINTS)
        curves["roc"] = {
            "false_positive_rate": [*false_rate[::step].tolist(), 1.0],
            "true_positive_rate": [*true_rate[::step].tolist(), 1.0],
        }
    if result.curves:
        curves["learning"] = {name: [float(value) for value in values] for name, values in result.curves.items()}
    write_json(files / "curves.json", curves)
    write_json(files / "confusion_matrix.json", confusion_matrix(test_side.labels, scores))
    write_json(files / "search.json", result.cv)
    write_json(files / "row.json", row)
    (files / "recipe.yaml").write_text(
        yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    _write_mistakes(files / "worst_mistakes.csv", material, scores)
    write_json(files / "set_aside.json", {one.name: one.set_aside.bad for one in (material.posts, *material.extra)})
    _write_held_out(files / HELD_OUT, test_side)
    _write_lineage(files, material)
    if material.corrected is not None:
        _write_held_out(files / CORRECTIONS_HELD_OUT, material.corrected.held_out)
        told = material.corrected.document | {"conflicting": material.corrected.conflicts}
        write_json(files / CORRECTIONS, told)


def write_json(path: Path, document: Any) -> None:
    """Write a document as indented JSON, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, default=float) + "\n", encoding="utf-8")


def _write_held_out(path: Path, test_side: Side) -> None:
    path.parent.mkdir(exist_ok=True)
    # mtime=0: equal held-out rows give equal bytes.
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
        rows = zip(test_side.labels.tolist(), test_side.texts, strict=True)
        packed.write("".join(_csv_line(row) for row in [("label", "text"), *rows]).encode())


def _write_lineage(files: Path, material: Material) -> None:
    """Hashes of every text that the model learned or was calibrated from, and the languages of the train side."""
    import numpy as np

    from vigie_model import detect_language

    hashes = files / TRAIN_HASHES
    hashes.parent.mkdir()
    texts = material.split.train.texts
    seen = [*texts, *(text for rows in material.calibration.values() for text in rows.texts)]
    np.save(hashes, np.unique(text_hashes(seen)), allow_pickle=False)
    sampled = texts[:: max(1, len(texts) // _LANGUAGE_ROWS)]
    counts: dict[str, int] = {}
    for text in sampled:
        language = detect_language(text)
        counts[language] = counts.get(language, 0) + 1
    write_json(files / LANGUAGES, {"rows": len(sampled), "counts": counts})


def _write_mistakes(path: Path, material: Material, scores: "NDArray[np.float64]") -> None:
    from vigie_trainer.scoring.metrics import CLASSES, worst_mistakes

    test_side = material.split.test
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["line", "label", "judged", "score", "text"])
        for at in worst_mistakes(test_side.labels, scores):
            score = float(scores[at])
            writer.writerow(
                [
                    test_side.lines[at],
                    CLASSES[int(test_side.labels[at])],
                    CLASSES[int(score >= 0.5)],
                    f"{score:.4f}",
                    test_side.texts[at],
                ]
            )


def _csv_line(values: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()
