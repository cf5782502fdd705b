"""Writes the golden artifacts and their scores: `python make_golden.py`.

It writes only those that are not there: a golden artifact that changes is a broken promise (those of
format 1 were written by the version that wrote format 1). Every
head is written down by hand or trained on a few rows, and the scores are those of the day it was made.
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
from onnx import TensorProto, helper

from vigie_model import (
    Block,
    BoosterHead,
    ByLanguage,
    Calibration,
    Cleaner,
    CleaningOptions,
    Combiner,
    EnsembleScorer,
    FeatureScorer,
    ForestHead,
    Isotonic,
    LinearHead,
    MlpHead,
    NetworkScorer,
    Platt,
    Scorer,
    TfidfFeatures,
    TransformerFeatures,
    UseFeatures,
    WordIndex,
    WordPieces,
    WordVectorFeatures,
    load,
    save,
)

sys.path.insert(0, str(Path(__file__).parent))
from tiny_graphs import PIECES, encoder_graph, network_graph, table

GOLDEN = Path(__file__).parent / "golden" / "format_2"
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


def negated() -> TfidfFeatures:
    """Words that a negation reaches, beside the same words without it."""
    words = ["good", "NOT_good", "not NOT_good", "n't NOT_like", "NOT_like", "NOT_en", "bad", "great", "merci"]
    return TfidfFeatures(Cleaner(), [Block("word", (1, 2), words, 1.0 + np.arange(9) / 10, negation_span=3)])


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


def index_network() -> NetworkScorer:
    """A network over whole words, without a mask."""
    tokens = WordIndex(Cleaner(CleaningOptions(shorten_elongations=False)), WORDS, 12)
    return NetworkScorer(tokens, network_graph(len(WORDS) + 2, masked=False))


def pieces_network() -> NetworkScorer:
    """A network over word pieces, with a mask."""
    return NetworkScorer(WordPieces(PIECES, 16), network_graph(len(PIECES)))


def word_vectors() -> WordVectorFeatures:
    """Vectors of five columns with weights and a direction taken out."""
    weights = np.linspace(1.0, 0.1, len(WORDS), dtype=np.float32)
    direction = np.array([0.6, 0.0, 0.8, 0.0, 0.0], dtype=np.float32)
    return WordVectorFeatures(Cleaner(), WORDS, table(len(WORDS), 5).astype(np.float16), weights, direction)


def scorers() -> dict[str, tuple[Scorer, Calibration]]:
    """A scorer of each kind of features, head, network and ensemble, with its calibration."""
    linear = features(chars=True)
    fused = FeatureScorer(linear, LinearHead(np.sin(np.arange(linear.width)), 0.125))
    mlp = MlpHead([(table(5, 3), np.array([0.1, 0.2, -0.3])), (table(3, 1), np.array([0.05]))])
    encoder = TransformerFeatures(WordPieces(PIECES, 16, lowercase=False), encoder_graph(len(PIECES)))
    members = {
        "words": fused,
        "network": pieces_network(),
        "mini_lm": FeatureScorer(encoder, LinearHead(np.cos(np.arange(6)), -0.2)),
    }
    combiners = {
        "default": Combiner({"words": 0.5, "network": 0.25, "mini_lm": -0.125}, 0.1),
        "fr": Combiner({"words": 1.0, "mini_lm": 0.5}),
    }
    by_language = ByLanguage({"default": Platt(1.2, 0.1), "fr": Isotonic((-1.0, 1.0), (0.2, 0.8))})
    return {
        "linear": (fused, by_language),
        "negation": (FeatureScorer(negated(), LinearHead(np.sin(1.0 + np.arange(9)), -0.1)), Platt(1.5)),
        "forest": (FeatureScorer(features(chars=False), forest()), Isotonic((0.0, 0.4, 0.8), (0.1, 0.5, 0.9))),
        "lightgbm": (FeatureScorer(features(chars=False), booster()), Platt()),
        "word_vectors": (FeatureScorer(word_vectors(), mlp), Platt(2.0)),
        "transformer": (members["mini_lm"], Platt()),
        "use": (FeatureScorer(UseFeatures(), LinearHead(np.sin(np.arange(512)), 0.0)), Platt(4.0)),
        "network": (index_network(), Platt(0.5, 0.3)),
        "ensemble": (EnsembleScorer(members, combiners), by_language),
    }


def main() -> None:
    """Write every golden artifact of the newest format that is not there yet."""
    for name, (scorer, calibration) in scorers().items():
        if (GOLDEN / name).exists():
            continue
        save(
            GOLDEN / name,
            recipe=f"golden_{name}",
            scorer=scorer,
            calibration=calibration,
            uncertain=(0.4, 0.6),
            reference={"rows": 0},
            trained={"dataset": "golden"},
        )
        model = load(GOLDEN / name)
        cases = [{"text": text, **verdict._asdict()} for text, verdict in zip(TEXTS, model.predict(TEXTS), strict=True)]
        record = {"digest": model.digest, "cases": cases}
        (GOLDEN / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
