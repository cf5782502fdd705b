"""Gathering the gate's evidence: artifacts, held-out rows, bare processes."""

import csv
import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.data.rows import text_hashes
from vigie_trainer.errors import Unavailable, VigieError
from vigie_trainer.gate import behaviour
from vigie_trainer.gate.bare import BareAnswer, BareFailure, run_bare
from vigie_trainer.gate.examples import Example, examples
from vigie_trainer.gate.paired import Comparison, compare
from vigie_trainer.gate.rules import Budgets, Evidence, Gate, judge
from vigie_trainer.models import download
from vigie_trainer.run_files import CORRECTIONS, CORRECTIONS_HELD_OUT, HELD_OUT, LANGUAGES, TRAIN_HASHES
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import Store, transferring, translated
from vigie_trainer.tracking.versions import Version
from vigie_trainer.training import folder_mb

TIMED_TEXTS = 200


@dataclass(frozen=True)
class Judged:
    """A verdict and what it was reached on.

    Attributes:
        digest: of the challenger's artifact; empty when it does not load.
        held_out, corrections: the two models on the same rows; None without a champion or without rows.
        told: what the challenger's run says of the corrections that it was trained on; empty when there were none.
        examples: rows that only one of the two judged right.
    """

    gate: Gate
    digest: str
    held_out: Comparison | None = None
    corrections: Comparison | None = None
    told: dict[str, Any] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class _Rows:
    """Labelled rows to compare on."""

    texts: list[str]
    labels: NDArray[np.int64]

    def where(self, usable: NDArray[np.bool_]) -> "_Rows":
        return _Rows([text for text, keep in zip(self.texts, usable, strict=True) if keep], self.labels[usable])


@dataclass(frozen=True)
class _Lineage:
    """What a run tells of its data: held-out rows, corrections held out and what is told of them, hashes of the train
    rows (None when not logged), languages."""

    held_out: _Rows
    corrections: _Rows
    told: dict[str, Any]
    train_hashes: NDArray[np.uint64] | None
    languages: dict[str, float]
    artifact_digest: str | None


def budgets(settings: Settings) -> Budgets:
    """The limits that the settings give."""
    return Budgets(settings.gate_margin, settings.gate_min_rows, settings.gate_latency_ms, settings.gate_size_mb)


def run_gate(store: Store, challenger: Version, champion: Version | None, say: Callable[[str], None]) -> Judged:
    """Put a version to the gate.

    Raises:
        Unavailable: MLflow went away. VigieError: the challenger's run lacks its held-out rows.
    """
    settings = store.settings
    say(f"Fetching version {challenger.number} ({challenger.recipe})")
    artifact = download(store, challenger.source)
    lineage = _lineage(store, challenger.run_id)
    if not lineage.held_out.texts:
        raise VigieError(f"the run of version {challenger.number} has no held-out rows; was it made by `vigie train`?")
    notes: list[str] = []
    rows, corrected = lineage.held_out, lineage.corrections
    old_artifact: Path | None = None
    if champion is not None:
        say(f"Fetching the champion, version {champion.number} ({champion.recipe})")
        old_artifact = download(store, champion.source)
        old_lineage = _lineage(store, champion.run_id)
        if old_lineage.train_hashes is None:
            notes.append(f"what the champion (version {champion.number}) was trained on is not recorded")
        rows = _not_trained_on(rows, lineage, old_lineage, "held-out row", notes)
        corrected = _not_trained_on(corrected, lineage, old_lineage, "held-out correction", notes)
    asked = list(behaviour.texts())
    texts = rows.texts + corrected.texts
    say(f"Scoring {len(texts):,} held-out rows in a bare process")
    load_problem: str | None = None
    answer: BareAnswer | None = None
    try:
        answer = run_bare(artifact, asked + texts, timed=lineage.held_out.texts[:TIMED_TEXTS])
    except BareFailure as failure:
        load_problem = str(failure)
    comparison = on_corrections = None
    found: tuple[Example, ...] = ()
    if answer is not None and old_artifact is not None and champion is not None and texts:
        say("Scoring them with the champion, too")
        try:
            old = np.asarray(run_bare(old_artifact, texts).scores)
        except BareFailure as failure:
            raise VigieError(
                f"the champion, version {champion.number}, cannot be loaded to compare: {failure}."
            ) from None
        say("Comparing the two")
        new, cut = np.asarray(answer.scores[len(asked) :]), len(rows.texts)
        if rows.texts:
            comparison = compare(rows.labels, old[:cut], new[:cut])
        if corrected.texts:
            on_corrections = compare(corrected.labels, old[cut:], new[cut:])
        found = examples(corrected.texts, corrected.labels, old[cut:], new[cut:], corrected=True) + examples(
            rows.texts, rows.labels, old[:cut], new[:cut], corrected=False
        )
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
        held_out_rows=len(rows.texts),
        comparison=comparison,
        has_champion=champion is not None,
        corrections=on_corrections,
        notes=notes,
    )
    gate = judge(evidence, budgets(settings))
    return Judged(gate, answer.digest if answer else "", comparison, on_corrections, lineage.told, found)


def _not_trained_on(rows: _Rows, lineage: _Lineage, old: _Lineage, what: str, notes: list[str]) -> _Rows:
    """The rows that neither model was trained on."""
    hashes = text_hashes(rows.texts)
    usable = np.ones(len(hashes), dtype=bool)
    for trained in (lineage.train_hashes, old.train_hashes):
        if trained is not None:
            usable &= ~np.isin(hashes, trained)
    removed = int((~usable).sum())
    if removed:
        notes.append(
            f"{removed} {what}{'s' if removed > 1 else ''} left out: one of the two was trained on the same text"
        )
    return rows.where(usable)


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

        hashes, languages, told = fetched(TRAIN_HASHES), fetched(LANGUAGES), fetched(CORRECTIONS)
        seen: dict[str, Any] = (
            json.loads(languages.read_text(encoding="utf-8")) if languages else {"rows": 0, "counts": {}}
        )
        return _Lineage(
            _labelled(fetched(HELD_OUT)),
            _labelled(fetched(CORRECTIONS_HELD_OUT)),
            json.loads(told.read_text(encoding="utf-8")) if told else {},
            np.load(hashes, allow_pickle=False) if hashes else None,
            {name: count / max(1, seen["rows"]) for name, count in seen["counts"].items()},
            run.data.tags.get("vigie.artifact_digest"),
        )


def _labelled(path: Path | None) -> _Rows:
    """The rows of a file that a run logged; none when it has no such file."""
    if path is None:
        return _Rows([], np.zeros(0, dtype=np.int64))
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return _Rows([row["text"] for row in rows], np.array([int(row["label"]) for row in rows], dtype=np.int64))
