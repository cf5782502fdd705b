"""Gathering the gate's evidence: artifacts, held-out rows, bare processes."""

import csv
import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.data.rows import text_hashes
from vigie_trainer.errors import Unavailable, VigieError
from vigie_trainer.gate import behaviour
from vigie_trainer.gate.bare import BareAnswer, BareFailure, run_bare
from vigie_trainer.gate.paired import compare
from vigie_trainer.gate.rules import Budgets, Evidence, Gate, judge
from vigie_trainer.models import download
from vigie_trainer.run_files import HELD_OUT, LANGUAGES, TRAIN_HASHES
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import Store, transferring, translated
from vigie_trainer.tracking.versions import Version
from vigie_trainer.training import folder_mb

TIMED_TEXTS = 200


@dataclass(frozen=True)
class _Lineage:
    """What a run tells of its data: held-out rows, hashes of the train rows (None when not logged), languages."""

    texts: list[str]
    labels: NDArray[np.int64]
    train_hashes: NDArray[np.uint64] | None
    languages: dict[str, float]
    artifact_digest: str | None


def budgets(settings: Settings) -> Budgets:
    """The limits that the settings give."""
    return Budgets(settings.gate_margin, settings.gate_min_rows, settings.gate_latency_ms, settings.gate_size_mb)


def run_gate(
    store: Store, challenger: Version, champion: Version | None, say: Callable[[str], None]
) -> tuple[Gate, str]:
    """Put a version to the gate.

    Returns:
        The verdict, and the digest of the artifact that it was reached on.

    Raises:
        Unavailable: MLflow went away. VigieError: the challenger's run lacks its held-out rows.
    """
    settings = store.settings
    say(f"Fetching version {challenger.number} ({challenger.recipe})")
    artifact = download(store, challenger.source)
    lineage = _lineage(store, challenger.run_id)
    if not lineage.texts:
        raise VigieError(f"the run of version {challenger.number} has no held-out rows; was it made by `vigie train`?")
    notes: list[str] = []
    usable = np.ones(len(lineage.texts), dtype=bool)
    old_artifact: Path | None = None
    if champion is not None:
        say(f"Fetching the champion, version {champion.number} ({champion.recipe})")
        old_artifact = download(store, champion.source)
        usable = _not_trained_on(lineage, _lineage(store, champion.run_id), champion, notes)
    texts = [text for text, keep in zip(lineage.texts, usable, strict=True) if keep]
    asked = list(behaviour.texts())
    say(f"Scoring {len(texts):,} held-out rows in a bare process")
    load_problem: str | None = None
    answer: BareAnswer | None = None
    try:
        answer = run_bare(artifact, asked + texts, timed=lineage.texts[:TIMED_TEXTS])
    except BareFailure as failure:
        load_problem = str(failure)
    comparison = None
    if answer is not None and old_artifact is not None and champion is not None and texts:
        say("Scoring them with the champion, too")
        try:
            old = run_bare(old_artifact, texts)
        except BareFailure as failure:
            raise VigieError(
                f"the champion, version {champion.number}, cannot be loaded to compare: {failure}."
            ) from None
        say("Comparing the two")
        comparison = compare(lineage.labels[usable], old.scores, answer.scores[len(asked) :])
    digest_problem = None
    if answer is not None and lineage.artifact_digest not in (None, answer.digest):
        digest_problem = "the artifact in the registry is not the one that its run recorded"
    evidence = Evidence(
        load_problem=load_problem,
        digest_problem=digest_problem,
        latency_ms=answer.latency_ms if answer else None,
        size_mb=folder_mb(artifact),
        behaviours=behaviour.assess(answer.scores[: len(asked)]) if answer else [],
        required_languages=behaviour.required_languages(settings.gate_languages, lineage.languages),
        held_out_rows=len(texts),
        comparison=comparison,
        has_champion=champion is not None,
        notes=notes,
    )
    return judge(evidence, budgets(settings)), answer.digest if answer else ""


def _not_trained_on(lineage: _Lineage, old: _Lineage, champion: Version, notes: list[str]) -> NDArray[np.bool_]:
    """Which held-out rows neither model was trained on."""
    hashes = text_hashes(lineage.texts)
    usable = np.ones(len(hashes), dtype=bool)
    for trained in (lineage.train_hashes, old.train_hashes):
        if trained is not None:
            usable &= ~np.isin(hashes, trained)
    if old.train_hashes is None:
        notes.append(f"what the champion (version {champion.number}) was trained on is not recorded")
    removed = int((~usable).sum())
    if removed:
        notes.append(
            f"{removed} held-out row{'s' if removed > 1 else ''} left out: one of the two was trained on the same text"
        )
    return usable


def _lineage(store: Store, run_id: str) -> _Lineage:
    """Read what a run logged of its data; what is absent comes back empty."""
    with (
        tempfile.TemporaryDirectory(prefix="vigie-gate-") as folder,
        translated(store.uri),
        transferring(store.settings),
    ):
        run = store.client.get_run(run_id)
        there = {file.path for part in ("heldout", "lineage") for file in store.client.list_artifacts(run_id, part)}

        def fetched(path: str) -> Path | None:
            if path not in there:
                return None
            try:
                return Path(store.client.download_artifacts(run_id, path, folder))
            except OSError as error:
                raise Unavailable(f"the file {path} of run {run_id} cannot be had: {error}") from error

        held_out, hashes, languages = fetched(HELD_OUT), fetched(TRAIN_HASHES), fetched(LANGUAGES)
        texts, labels = _held_out(held_out) if held_out else ([], [])
        seen: dict[str, Any] = (
            json.loads(languages.read_text(encoding="utf-8")) if languages else {"rows": 0, "counts": {}}
        )
        return _Lineage(
            texts,
            np.asarray(labels, dtype=np.int64),
            np.load(hashes, allow_pickle=False) if hashes else None,
            {name: count / max(1, seen["rows"]) for name, count in seen["counts"].items()},
            run.data.tags.get("vigie.artifact_digest"),
        )


def _held_out(path: Path) -> tuple[list[str], list[int]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [row["text"] for row in rows], [int(row["label"]) for row in rows]
