"""Writes the golden artifacts and their scores: `python make_golden.py`.

Run it only when a new format is added, into a new folder: a golden artifact that changes is a broken promise. Every
head is written down by hand or trained on a few rows, and the scores are those of the day it was made.
"""

import json
from pathlib import Path

import lightgbm
import numpy as np
from onnx import TensorProto, helper

from vigie_model import (
    Block,
    BoosterHead,
    Cleaner,
    CleaningOptions,
    ForestHead,
    Isotonic,
    LinearHead,
    Platt,
    TfidfFeatures,
    load,
    save,
)
from vigie_model.heads import Head

GOLDEN = Path(__file__).parent / "golden" / "format_1"
WORDS = [
    "bad",
    "bien",
    "great",
    "merci",
    "n't",
    "n't good",
    "not",
    "not good",
    "good",
    "pas",
    "retard",
    ":)",
    "!",
    "<user>",
    "😀",
]
CHARS = [" go", "goo", "ood", "od ", " ba", "bad", "ad ", "mer", "erc", "rci", "ret", "tar", "ard", " no", "not", "ot "]
TEXTS = [
    "Not good @vigie!!",
    "Great flight, good crew :)",
    "I don't like bad food, bad seats",
    "Merci, tout va bien 😀",
    "Pas bien, en retard &amp; sale",
    "itâ€™s goooood http://vigie.example/x",
    "",
    "👍",
]


def features(*, chars: bool) -> TfidfFeatures:
    """A handful of terms with made-up weights."""
    cleaner = Cleaner(CleaningOptions(remove_special=False, remove_stop_words=not chars))
    blocks = [Block("word", (1, 2), WORDS, 1.0 + np.arange(len(WORDS)) / 10, sublinear=True)]
    if chars:
        blocks.append(Block("char_wb", (3, 3), CHARS, 2.0 - np.arange(len(CHARS)) / 20, sublinear=False))
    return TfidfFeatures(cleaner, blocks)


def forest() -> ForestHead:
    """Two stumps: bad (column 0) and great (column 2)."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0, 1, 1, 1],
        nodes_nodeids=[0, 1, 2, 0, 1, 2],
        nodes_featureids=[0, 0, 0, 2, 0, 0],
        nodes_values=[0.1, 0.0, 0.0, 0.2, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"] * 2,
        nodes_truenodeids=[1, 0, 0, 1, 0, 0],
        nodes_falsenodeids=[2, 0, 0, 2, 0, 0],
        target_treeids=[0, 0, 1, 1],
        target_nodeids=[1, 2, 1, 2],
        target_ids=[0, 0, 0, 0],
        target_weights=[0.3, 0.05, 0.2, 0.5],
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, len(WORDS)])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return ForestHead(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString(), len(WORDS))


def booster() -> BoosterHead:
    """Three small trees on random rows."""
    random = np.random.default_rng(0)
    rows = random.random((60, len(WORDS)))
    data = lightgbm.Dataset(rows, label=(rows[:, 0] < rows[:, 2]).astype(int))
    settings = {"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1, "deterministic": True}
    return BoosterHead(lightgbm.train(settings, data, num_boost_round=3).model_to_string())


def main() -> None:
    """Write every golden artifact."""
    linear = features(chars=True)
    heads: dict[str, tuple[TfidfFeatures, Head, Platt | Isotonic]] = {
        "linear": (linear, LinearHead(np.sin(np.arange(linear.width)), 0.125), Platt(1.5, -0.1)),
        "forest": (features(chars=False), forest(), Isotonic((0.0, 0.4, 0.8), (0.1, 0.5, 0.9))),
        "lightgbm": (features(chars=False), booster(), Platt()),
    }
    for name, (columns, head, calibration) in heads.items():
        save(
            GOLDEN / name,
            recipe=f"golden_{name}",
            features=columns,
            head=head,
            calibration=calibration,
            uncertain=(0.4, 0.6),
            reference={"rows": 0},
            trained={"dataset": "golden"},
        )
        model = load(GOLDEN / name)
        cases = [
            {"text": text, "tokens": model.scorer.features.cleaner.tokens(text), **verdict._asdict()}
            for text, verdict in zip(TEXTS, model.predict(TEXTS), strict=True)
        ]
        record = {"digest": model.digest, "cases": cases}
        (GOLDEN / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
