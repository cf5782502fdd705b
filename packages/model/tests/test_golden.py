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
    assert [model.scorer.features.cleaner.tokens(text) for text in texts] == [
        case["tokens"] for case in record["cases"]
    ]
    np.testing.assert_allclose(model.score(texts), [case["score"] for case in record["cases"]], atol=1e-7)
    for case, verdict in zip(record["cases"], model.predict(texts), strict=True):
        assert verdict.sentiment == case["sentiment"]
        assert verdict.uncertain == case["uncertain"]
        assert verdict.language == case["language"]
        assert verdict.confidence == pytest.approx(case["confidence"], abs=1e-7)
        assert model.predict_one(case["text"]) == verdict


def test_every_head_of_format_1_has_a_golden_artifact():
    assert {folder.name for folder in ARTIFACTS if folder.parent.name == "format_1"} == {"linear", "forest", "lightgbm"}
