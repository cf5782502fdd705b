"""Training one recipe: fit, score the held-out side once, and leave a complete run on disk."""

import csv
import gzip
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vigie_trainer.data.rows import Posts, text_hashes
from vigie_trainer.data.splitting import SEED, TEST_SIZE, Split
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.record import PendingRun, RunDraft, now_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vigie_model import Model
    from vigie_trainer.fit import FitResult
    from vigie_trainer.recipe import Recipe

HELD_OUT = "heldout/heldout.csv.gz"
TRAIN_HASHES = "lineage/train_text_hashes.npy"
LANGUAGES = "lineage/train_languages.json"
_MEGABYTE = 1e6
_LINES_TOLD = 1_000  # of each reason; the artifact set_aside.json has all
_LANGUAGE_ROWS = 5_000  # enough to know the share of each language to a point or two

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Material:
    """What every recipe of a command trains on and is tested on."""

    posts: Posts
    extra: Sequence[Posts]
    split: Split
    rows_before_sampling: int
    extra_digests: list[str] = field(default_factory=list)

    @property
    def synthetic(self) -> bool:
        """Whether any row was written for this project rather than by a customer."""
        return self.posts.synthetic or any(one.synthetic for one in self.extra)


def train(recipe: "Recipe", material: Material, settings: Settings, *, register: bool, report: Report) -> PendingRun:
    """Fit a recipe and write the finished run to the pending folder; nothing is sent.

    Args:
        report: called with what is being done and the share done, in [0, 1].

    Raises:
        Whatever fit raises; then, and when the command is interrupted, nothing is left behind.
    """
    import vigie_model
    from vigie_trainer.fit import fit
    from vigie_trainer.scoring.metrics import metrics
    from vigie_trainer.tracking.lineage import PeakMemory
    from vigie_trainer.tracking.pyfunc_model import save_pyfunc
    from vigie_trainer.tracking.store import configure

    configure(settings)
    train_side, test_side = material.split.train, material.split.test
    draft = RunDraft(settings.pending, recipe.name)
    try:
        with PeakMemory() as memory:
            result = fit(
                recipe,
                train_side.texts,
                train_side.labels,
                out=draft.folder / "artifact",
                trained=_trained(material),
                seed=SEED,
                threads=settings.threads,
                progress=report,
            )
        report("Scoring the held-out rows", 1.0)
        model = vigie_model.load(result.artifact, threads=1)
        start = time.perf_counter()
        scores = model.score(test_side.texts)
        predict_s = time.perf_counter() - start
        measured = metrics(test_side.labels, scores)
        timings = {
            "fit_s": result.fit_s,
            "search_s": result.search_s,
            "predict_s": predict_s,
            "artifact_mb": folder_mb(result.artifact),
            "peak_memory_mb": memory.peak_mb,
        }
        report("Writing the run", 1.0)
        _write_files(draft, material, scores, result, recipe, measured)
        save_pyfunc(draft.model, result.artifact, model)
        shutil.rmtree(result.artifact)
        _describe(draft, recipe, material, result, model, measured, timings, settings)
        draft.record.register = register
        draft.record.end_ms = now_ms()
        return draft.finish()
    except BaseException:
        draft.discard()
        raise


def folder_mb(folder: Path) -> float:
    """Size of all files of a folder, in megabytes (10^6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MEGABYTE


def _trained(material: Material) -> dict[str, Any]:
    """What the artifact's manifest says of its data; no time of day, so that equal data give equal artifacts."""
    return {
        "dataset": material.posts.name,
        "rows": len(material.posts.texts),
        "digest": material.posts.digest,
        "train_rows": len(material.split.train.texts),
        "heldout_digest": material.split.test.digest,
        "synthetic": material.synthetic,
        "extra": [{"dataset": one.name, "rows": len(one.texts), "digest": one.digest} for one in material.extra],
    }


def _describe(
    draft: RunDraft,
    recipe: "Recipe",
    material: Material,
    result: "FitResult",
    model: "Model",
    measured: dict[str, float | int | None],
    timings: dict[str, float],
    settings: Settings,
) -> None:
    """Fill the record: what MLflow shows, and the run's entry of --json."""
    from vigie_trainer.tracking.lineage import git_commit, lock_digest

    posts, split = material.posts, material.split
    held_out_digest = split.test.digest
    record = draft.record
    record.tags = {
        "vigie.recipe": recipe.name,
        "vigie.dataset": posts.name,
        "vigie.data_digest": posts.digest,
        "vigie.heldout_digest": held_out_digest,
        "vigie.git_commit": git_commit(settings),
        "vigie.lock_digest": lock_digest(settings),
        "vigie.artifact_digest": model.digest,
        "vigie.synthetic": str(material.synthetic).lower(),
        "vigie.rows": str(len(posts.texts)),
    }
    record.params = {
        **{name: _scalar(value) for name, value in _flat(recipe.model_dump(mode="json"), "recipe").items()},
        **{name: _scalar(value) for name, value in result.params.items()},
        "seed": str(SEED),
        "threads": str(settings.threads),
        "test_size": str(TEST_SIZE),
        "rows": str(len(posts.texts)),
        "rows_before_sampling": str(material.rows_before_sampling),
        "rows_set_aside": json.dumps(posts.set_aside.counts),
        "train_rows": str(len(split.train.texts)),
        "test_rows": str(len(split.test.texts)),
        "duplicates_removed": str(split.duplicates_removed),
        "extra_rows_used": str(split.extra_used),
        "extra_duplicates_removed": str(split.extra_duplicates),
    }
    record.metrics = {name: float(value) for name, value in measured.items() if value is not None} | timings
    record.metrics |= {
        f"cv_{name}": float(value) for name, value in result.cv.items() if isinstance(value, int | float)
    }
    record.curves = {name: [float(value) for value in values] for name, values in (result.curves or {}).items()}
    record.datasets = [
        {"name": posts.name, "digest": split.train.digest, "rows": len(split.train.texts), "context": "train"},
        {"name": posts.name, "digest": held_out_digest, "rows": len(split.test.texts), "context": "test"},
        *(
            {"name": one.name, "digest": one.digest, "rows": len(one.texts), "context": "train-extra"}
            for one in material.extra
        ),
    ]
    record.row = {
        "recipe": recipe.name,
        "run_id": None,
        "version": None,
        "dataset": {
            "name": posts.name,
            "rows": len(posts.texts),
            "digest": posts.digest,
            "synthetic": material.synthetic,
            "set_aside": posts.set_aside.counts,
            "bad_rows": {reason: lines[:_LINES_TOLD] for reason, lines in posts.set_aside.bad.items()},
        },
        "heldout_digest": held_out_digest,
        "train_rows": len(split.train.texts),
        "test_rows": len(split.test.texts),
        "fit_s": timings["fit_s"],
        "search_s": timings["search_s"],
        "predict_s": timings["predict_s"],
        "artifact_mb": timings["artifact_mb"],
        "peak_memory_mb": timings["peak_memory_mb"],
        "metrics": measured,
    }


def _write_files(
    draft: RunDraft,
    material: Material,
    scores: "NDArray[np.float64]",
    result: "FitResult",
    recipe: "Recipe",
    measured: dict[str, float | int | None],
) -> None:
    """Write what becomes the run's artifacts in MLflow."""
    import numpy as np
    import yaml

    from vigie_model import detect_language
    from vigie_trainer.scoring.figures import write_figures, write_learning_curves
    from vigie_trainer.scoring.metrics import calibration_bins, confusion_matrix, roc_curve

    files, test_side = draft.files, material.split.test
    title = f"{recipe.name}, {material.posts.name}"
    write_figures(files / "figures", test_side.labels, scores, title)
    if result.curves:
        write_learning_curves(files / "figures" / "learning_curves.png", result.curves, title)
    curves: dict[str, Any] = {"calibration": calibration_bins(test_side.labels, scores)}
    if measured["roc_auc"] is not None:
        false_rate, true_rate = roc_curve(test_side.labels, scores)
        step = max(1, len(false_rate) // 500)
        curves["roc"] = {
            "false_positive_rate": [*false_rate[::step].tolist(), 1.0],
            "true_positive_rate": [*true_rate[::step].tolist(), 1.0],
        }
    _write_json(files / "curves.json", curves)
    _write_json(files / "confusion_matrix.json", confusion_matrix(test_side.labels, scores))
    _write_json(files / "search.json", result.cv)
    (files / "recipe.yaml").write_text(
        yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    _write_mistakes(files / "worst_mistakes.csv", material, scores)
    _write_json(files / "set_aside.json", {one.name: one.set_aside.bad for one in (material.posts, *material.extra)})
    held_out = files / HELD_OUT
    held_out.parent.mkdir()
    # mtime=0: equal held-out rows give equal bytes.
    with held_out.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
        rows = zip(test_side.labels.tolist(), test_side.texts, strict=True)
        packed.write("".join(_csv_line(row) for row in [("label", "text"), *rows]).encode())
    hashes = files / TRAIN_HASHES
    hashes.parent.mkdir()
    np.save(hashes, np.unique(text_hashes(material.split.train.texts)), allow_pickle=False)
    texts = material.split.train.texts
    sampled = texts[:: max(1, len(texts) // _LANGUAGE_ROWS)]
    counts: dict[str, int] = {}
    for text in sampled:
        language = detect_language(text)
        counts[language] = counts.get(language, 0) + 1
    _write_json(files / LANGUAGES, {"rows": len(sampled), "counts": counts})


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
    import io

    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


def _write_json(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, default=float) + "\n", encoding="utf-8")


def _flat(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}.{name}")
        else:
            flat[f"{prefix}.{name}"] = value
    return flat


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
