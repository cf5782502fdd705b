"""Training one recipe: fit, score the held-out side once, and leave a complete run on disk."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vigie_trainer.chosen_encoders import chosen_encoders
from vigie_trainer.data.source import TAG as SOURCE_TAG
from vigie_trainer.data.splitting import SEED, TEST_SIZE
from vigie_trainer.identity import identity, learns_languages
from vigie_trainer.material import Corrected, Material
from vigie_trainer.run_files import write_files
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.record import PendingRun, RunDraft, now_ms

if TYPE_CHECKING:
    from vigie_model import Model
    from vigie_trainer.fit import FitResult
    from vigie_trainer.identity import AnyRecipe

_MEGABYTE = 1e6
_LINES_TOLD = 1_000  # of each reason; the artifact set_aside.json has all

Report = Callable[[str, float], None]


def train(recipe: "AnyRecipe", material: Material, settings: Settings, *, register: bool, report: Report) -> PendingRun:
    """Fit a recipe and write the finished run to the pending folder; nothing is sent.

    Args:
        report: called with what is being done and the share done, in [0, 1].

    Raises:
        Whatever fit raises; then, and when the command is interrupted, nothing is left behind but what the fit keeps
        in its cache.
    """
    import vigie_model
    from vigie_trainer.fit import FitContext, fit
    from vigie_trainer.scoring.metrics import metrics
    from vigie_trainer.scoring.reports import LATENCY_THREADS, latency
    from vigie_trainer.tracking.lineage import PeakMemory
    from vigie_trainer.tracking.pyfunc_model import save_pyfunc
    from vigie_trainer.tracking.store import configure

    configure(settings)
    split = material.split
    train_side, test_side = split.train, split.test
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
                weights=material.weights,
                context=FitContext(
                    cache=settings.cache,
                    primary=material.primary_rows if split.extra_used else None,
                    languages={code: (rows.texts, rows.labels) for code, rows in material.calibration.items()},
                    language_weights={code: rows.weights for code, rows in material.calibration.items()},
                    learn_languages=material.learn_languages,
                    encoders=chosen_encoders(settings, material.folder),
                ),
            )
        report("Scoring the held-out rows", 1.0)
        model = vigie_model.load(result.artifact, threads=1)
        start = time.perf_counter()
        scores = model.score(test_side.texts)
        predict_s = time.perf_counter() - start
        row = _row(recipe, material) | {
            "fit_s": result.fit_s,
            "encode_s": result.encode_s,
            "search_s": result.search_s,
            "predict_s": predict_s,
            "latency_ms": latency(vigie_model.load(result.artifact, threads=LATENCY_THREADS), test_side.texts),
            "artifact_mb": folder_mb(result.artifact),
            "peak_memory_mb": memory.peak_mb,
            "metrics": metrics(test_side.labels, scores),
            **_reports(model, material, learns_languages(recipe) and material.learn_languages, report),
        }
        report("Writing the run", 1.0)
        write_files(draft.files, material, scores, result, recipe, row)
        save_pyfunc(draft.model, result.artifact, model)
        shutil.rmtree(result.artifact)
        _describe(draft, recipe, material, result, model, row, settings)
        draft.record.register = register
        draft.record.end_ms = now_ms()
        return draft.finish()
    except BaseException:
        draft.discard()
        raise


def folder_mb(folder: Path) -> float:
    """Size of all files of a folder, in megabytes (10^6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MEGABYTE


def _reports(model: "Model", material: Material, learned_french: bool, report: Report) -> dict[str, Any]:
    """The figures on other test sets; None for a set that is not there."""
    from vigie_trainer.scoring.reports import report_on

    found: dict[str, Any] = {"manual_test": None, "french": None}
    if material.manual_test is not None:
        report("Scoring the manual test set", 1.0)
        found["manual_test"] = report_on(model, material.manual_test)
    if material.french is not None:
        # An honest reader must know that these rows set the French threshold.
        found["french"] = report_on(model, material.french, used_for_calibration=True, used_for_training=learned_french)
    return found


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
        "calibration": _calibration(material),
        **({"corrections": _corrections(material.corrected)} if material.corrected else {}),
    }


def _corrections(corrected: Corrected) -> dict[str, Any]:
    """What the manifest says of the corrections."""
    return {
        "rows": corrected.rows,
        "weight": corrected.weight,
        "digest": corrected.digest,
        "held_out": len(corrected.held_out.texts),
        "parent_version": corrected.parent,
    }


def _calibration(material: Material) -> dict[str, list[dict[str, Any]]]:
    return {language: rows.sources for language, rows in material.calibration.items()}


def _row(recipe: "AnyRecipe", material: Material) -> dict[str, Any]:
    """What is known of a run's entry of --json before anything was measured."""
    posts, split = material.posts, material.split
    return {
        "recipe": recipe.name,
        "run_id": None,
        "version": None,
        "protocol": material.protocol,
        "dataset": {
            "name": posts.name,
            "rows": len(posts.texts),
            "digest": posts.digest,
            "synthetic": material.synthetic,
            "set_aside": posts.set_aside.counts,
            "bad_rows": {reason: lines[:_LINES_TOLD] for reason, lines in posts.set_aside.bad.items()},
        },
        "calibration": _calibration(material),
        "heldout_digest": split.test.digest,
        "train_rows": len(split.train.texts),
        "test_rows": len(split.test.texts),
        **({"corrections": material.corrected.document} if material.corrected else {}),
    }


def _describe(
    draft: RunDraft,
    recipe: "AnyRecipe",
    material: Material,
    result: "FitResult",
    model: "Model",
    row: dict[str, Any],
    settings: Settings,
) -> None:
    """Fill the record: what MLflow shows, and the run's entry of --json."""
    from vigie_trainer.tracking.lineage import git_commit, lock_digest

    posts, split = material.posts, material.split
    record = draft.record
    record.tags = identity(recipe, material, settings).tags | {
        "vigie.recipe": recipe.name,
        "vigie.dataset": posts.name,
        "vigie.data_digest": posts.digest,
        "vigie.git_commit": git_commit(settings),
        "vigie.lock_digest": lock_digest(settings),
        "vigie.artifact_digest": model.digest,
        "vigie.synthetic": str(material.synthetic).lower(),
        "vigie.rows": str(len(posts.texts)),
        "vigie.train_rows": str(len(split.train.texts)),
    }
    if material.source is not None:
        record.tags[SOURCE_TAG] = material.source.dumped()
    if material.corrected is not None:
        record.tags |= {
            "vigie.corrections": str(material.corrected.rows),
            "vigie.corrections_held_out": str(len(material.corrected.held_out.texts)),
            "vigie.corrections_since": material.corrected.document.get("since") or "",
            "vigie.corrections_until": material.corrected.document.get("until") or "",
            "vigie.parent_version": material.corrected.parent or "",
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
        "calibration_rows": json.dumps({code: len(rows.texts) for code, rows in material.calibration.items()}),
    }
    record.metrics = _metrics(row)
    record.metrics |= {
        f"cv_{name}": float(value) for name, value in result.cv.items() if isinstance(value, int | float)
    }
    record.curves = {name: [float(value) for value in values] for name, values in (result.curves or {}).items()}
    record.datasets = [
        {"name": posts.name, "digest": split.train.digest, "rows": len(split.train.texts), "context": "train"},
        {"name": posts.name, "digest": split.test.digest, "rows": len(split.test.texts), "context": "test"},
        *(
            {"name": one.name, "digest": one.digest, "rows": len(one.texts), "context": "train-extra"}
            for one in material.extra
        ),
        *(
            {"name": f"calibration-{code}", "digest": rows.digest, "rows": len(rows.texts), "context": "calibration"}
            for code, rows in material.calibration.items()
        ),
        *(
            {"name": one.name, "digest": one.digest, "rows": len(one.texts), "context": "report"}
            for one in (material.manual_test,)
            if one is not None
        ),
    ]
    record.row = row


def _metrics(row: dict[str, Any]) -> dict[str, float]:
    """Every figure of a row that MLflow can plot, by the name it has there."""
    timings = ("fit_s", "encode_s", "search_s", "predict_s", "artifact_mb", "peak_memory_mb")
    values = {name: float(value) for name, value in row["metrics"].items() if value is not None}
    values |= {name: float(row[name]) for name in timings}
    values |= {f"latency_{name}_ms": float(row["latency_ms"][name]) for name in ("median", "p95")}
    for name, prefix in (("manual_test", "manual"), ("french", "french_calibration")):
        found = row[name] or {}
        values |= {
            f"{prefix}_{key}": float(found[key])
            for key in ("rows", "accuracy", "low", "high", "balanced_accuracy", "roc_auc", "used_for_training")
            if found.get(key) is not None
        }
    return values


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
