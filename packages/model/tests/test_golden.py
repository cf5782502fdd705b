"""An artifact made on the day its format was born scores the same for ever."""

import json
from pathlib import Path

import numpy as np
import pytest

import vigie_model

GOLDEN = Path(__file__).parent / "golden"
ARTIFACTS = sorted(path.parent for path in GOLDEN.glob("format_*/*/manifest.json"))


@pytest.mark.parametrize("folder", ARTIFACTS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_golden_artifact_gives_the_tokens_and_scores_of_its_first_day(folder: Path):
    record = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))
    model = vigie_model.load(folder)
    assert model.digest == record["digest"] == vigie_model.artifact_digest(folder)
    texts = [case["text"] for case in record["cases"]]
    for case in record["cases"]:
        if "tokens" in case:
            assert model.scorer.features.cleaner.tokens(case["text"]) == case["tokens"]
    # Networks and encoders multiply in float32, which another processor rounds otherwise.
    near = 1e-7 if folder.name in {"linear", "negation", "forest", "lightgbm"} else 1e-5
    np.testing.assert_allclose(model.score(texts), [case["score"] for case in record["cases"]], atol=near)
    for case, verdict in zip(record["cases"], model.predict(texts), strict=True):
        assert verdict.sentiment == case["sentiment"]
        assert verdict.uncertain == case["uncertain"]
        assert verdict.language == case["language"]
        assert verdict.confidence == pytest.approx(case["confidence"], abs=near)
        alone = model.predict_one(case["text"])
        assert alone._replace(score=0, confidence=0) == verdict._replace(score=0, confidence=0)
        assert alone.score == pytest.approx(verdict.score, abs=1e-6)


def test_every_kind_of_each_format_has_a_golden_artifact():
    heads = {"linear", "forest", "lightgbm"}
    assert {folder.name for folder in ARTIFACTS if folder.parent.name == "format_1"} == heads
    later = {"negation", "word_vectors", "transformer", "use", "network", "ensemble"}
    assert {folder.name for folder in ARTIFACTS if folder.parent.name == "format_2"} == heads | later
    assert {vigie_model.load(folder).manifest.format for folder in ARTIFACTS} == {1, 2}
