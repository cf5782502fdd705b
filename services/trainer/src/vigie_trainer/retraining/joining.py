"""Corrections joined to the rows that a model learns from. Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vigie_trainer.data.rows import rows_digest, text_key
from vigie_trainer.data.splitting import Side, Split
from vigie_trainer.material import Corrected, LanguageRows, Material
from vigie_trainer.retraining.corrections import Correction, Merged


def texts_kept_out(material: Material) -> set[str]:
    """Keys of the texts that nothing may learn from: the held-out side and every test set of the material."""
    sets = [material.split.test.texts]
    sets += [one.texts for one in (material.manual_test, material.french) if one is not None]
    return {text_key(text) for texts in sets for text in texts}


def joined(
    material: Material,
    merged: Merged,
    learned: Sequence[Correction],
    held_out: Sequence[Correction],
    *,
    weight: float,
    parent: str | None,
    since: str | None = None,
    until: str | None = None,
) -> Material:
    """The material with corrections on its train side; the held-out side stays as it is.

    A row of the train side whose text was corrected goes: what a person said of it counts. Corrections come last, as
    rows that are learned from and do not calibrate. What is held out is learned from in no form.

    Args:
        weight: of a correction, against 1 of any other row.
        parent: number of the version whose recipe and data these are.
        since, until: limits of the pull, for the record.
    """
    corrected = {text_key(one.text) for one in (*learned, *held_out)}
    train = material.split.train
    kept = [at for at, text in enumerate(train.texts) if text_key(text) not in corrected]
    primary = sum(at < material.primary_rows for at in kept)
    labels = [int(train.labels[at]) for at in kept] + [one.label for one in learned]
    split = Split(
        Side([train.texts[at] for at in kept] + [one.text for one in learned], np.asarray(labels, dtype=np.int64)),
        material.split.test,
        material.split.duplicates_removed,
        len(labels) - primary,
        material.split.extra_duplicates,
    )
    document = merged.document() | {
        "trained_on": len(learned),
        "held_out": len(held_out),
        "replaced": len(train.texts) - len(kept),
        "weight": weight,
        "digest": merged.digest,
        "parent": parent,
        "since": since,
        "until": until,
        "first_at": merged.corrections[0].at.isoformat() if merged.corrections else None,
        "last_at": merged.corrections[-1].at.isoformat() if merged.corrections else None,
    }
    return replace(
        material,
        split=split,
        calibration={code: _without(rows, corrected) for code, rows in material.calibration.items()},
        corrected=Corrected(
            rows=len(learned),
            weight=weight,
            held_out=Side([one.text for one in held_out], np.asarray([one.label for one in held_out], dtype=np.int64)),
            digest=rows_digest([one.text for one in learned], [one.label for one in learned]),
            document=document,
            conflicts=merged.conflicts_told(),
            parent=parent,
        ),
    )


def _without(rows: LanguageRows, corrected: set[str]) -> LanguageRows:
    """Calibration rows without the texts that are learned from, or held out, as corrections."""
    keep = np.array([text_key(text) not in corrected for text in rows.texts], dtype=bool)
    if keep.all():
        return rows
    start = 0
    sources = []
    for source in rows.sources:  # they lie one after the other
        left = int(keep[start : start + source["rows"]].sum())
        start += source["rows"]
        if left:
            sources.append(source | {"rows": left})
    return LanguageRows([text for text, kept in zip(rows.texts, keep, strict=True) if kept], rows.labels[keep], sources)
