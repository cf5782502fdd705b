"""A network scores a text the same alone and in any batch, whatever its graph is like, or it is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from tiny_graphs import PIECES, encoder_graph, network_graph, quantized_graph, table

from vigie_model import ArtifactError, Cleaner, NetworkScorer, TransformerFeatures, WordIndex, WordPieces
from vigie_model.graph import sums_overflow

WORDS = ["good", "bad", "not", "!"]
INDEX = WordIndex(Cleaner(), WORDS, 12)
TEXTS = st.lists(st.sampled_from(["good", "bad", "not", "zebra", "!", "retards"]), max_size=14).map(" ".join)


def scorers() -> dict[str, NetworkScorer]:
    pieces = WordPieces(PIECES, 10)
    return {
        "mask": NetworkScorer(pieces, network_graph(len(PIECES))),
        "no mask": NetworkScorer(pieces, network_graph(len(PIECES), masked=False)),
        "64 bits": NetworkScorer(pieces, network_graph(len(PIECES), token_type=TensorProto.INT64)),
        "one length": NetworkScorer(pieces, network_graph(len(PIECES), length=10)),
        "quantized": NetworkScorer(pieces, quantized_graph(len(PIECES))),
        "words": NetworkScorer(INDEX, network_graph(len(WORDS) + 2, masked=False)),
    }


SCORERS = scorers()


@pytest.mark.parametrize("name", SCORERS)
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXTS, max_size=70))
def test_a_text_has_the_same_margin_alone_and_in_a_batch(name: str, texts: list[str]):
    scorer = SCORERS[name]
    together = scorer.margins(texts)
    assert together.shape == (len(texts),)
    assert together.dtype == np.float64
    assert np.isfinite(together).all()
    for text, margin in zip(texts, together, strict=True):
        assert scorer.margins([text])[0] == pytest.approx(margin, abs=1e-6)


@pytest.mark.parametrize(
    ("said", "overflows"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx2\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),  # no x86
        (None, False),
    ],
)
def test_where_products_of_8_bit_numbers_overflow_is_known(said: str | None, overflows: bool, tmp_path: Path):
    processors = tmp_path / "cpuinfo"
    if said is not None:
        processors.write_text(said)
    assert sums_overflow(processors) is overflows


def test_products_that_cannot_overflow_say_the_same(monkeypatch: pytest.MonkeyPatch):
    texts = ["good", "bad not good bad not", ""]
    fast = NetworkScorer(WordPieces(PIECES, 10), quantized_graph(len(PIECES))).margins(texts)
    monkeypatch.setattr("vigie_model.graph.sums_overflow", lambda: True)
    careful = NetworkScorer(WordPieces(PIECES, 10), quantized_graph(len(PIECES))).margins(texts)
    np.testing.assert_allclose(careful, fast, atol=1e-5)


def test_padding_is_no_token_for_the_network():
    weights = np.array([1.0, -2.0, 0.5, 3.0], dtype=np.float32)
    vectors = table(len(PIECES), 4)
    for name in ("mask", "no mask", "64 bits"):
        margins = SCORERS[name].margins(["good", "bad not good bad not"])
        for margin, numbers in zip(
            margins, WordPieces(PIECES, 10).encode(["good", "bad not good bad not"]), strict=True
        ):
            assert margin == pytest.approx(float(vectors[numbers].mean(axis=0) @ weights), abs=1e-5)


def test_a_text_without_a_token_has_a_margin():
    for scorer in SCORERS.values():
        assert np.isfinite(scorer.margins(["", " ", "\x00", "\ud800"])).all()


def test_more_texts_than_a_batch_come_back_in_order():
    texts = ["good " * (number % 9) + "bad" for number in range(200)]
    for scorer in SCORERS.values():
        margins = scorer.margins(texts)
        np.testing.assert_allclose(margins, [scorer.margins([text])[0] for text in texts], atol=1e-6)


def test_threads_agree():
    texts = ["good " * (number % 9) + "bad" for number in range(100)]
    for scorer in SCORERS.values():
        expected = scorer.margins(texts)
        with ThreadPoolExecutor(4) as pool:
            for margins in pool.map(lambda _, own=scorer: own.margins(texts), range(8)):
                np.testing.assert_array_equal(margins, expected)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (b"nonsense", r"network\.onnx is not a graph"),
        (encoder_graph(6), "no output 'margin'"),
        (network_graph(6, extra_input=True), "takes .*segments"),
        (network_graph(6, rows=3), "3 texts at a time"),
        (network_graph(6, masked=False, length=4), "takes 4 tokens; texts may have 12"),
        (network_graph(6, token_type=TensorProto.FLOAT), "not a graph|whole numbers"),
        (network_graph(5), "cannot run on token numbers"),
    ],
)
def test_a_graph_of_another_kind_is_refused(graph: bytes, said: str):
    with pytest.raises(ArtifactError, match=said):
        NetworkScorer(INDEX, graph)


def test_a_graph_with_weights_that_are_no_numbers_or_of_another_width_is_refused():
    from tiny_graphs import mean_graph

    broken = mean_graph(table(6, 4), output="margin", weights=np.full((4, 1), np.nan, dtype=np.float32))
    with pytest.raises(ArtifactError, match="not finite"):
        NetworkScorer(INDEX, broken)
    wide = mean_graph(table(6, 4), output="margin", weights=np.ones((4, 2), dtype=np.float32))
    with pytest.raises(ArtifactError, match="not 1 number a text"):
        NetworkScorer(INDEX, wide)


def test_a_frozen_encoder_gives_a_row_a_text_the_same_alone_and_in_a_batch():
    features = TransformerFeatures(WordPieces(PIECES, 10), encoder_graph(len(PIECES)))
    texts = ["good bad", "", "not " * 20, "merci !"]
    rows = features.transform(texts)
    assert (rows.shape, rows.dtype, features.width) == ((4, 6), np.float32, 6)
    np.testing.assert_allclose(rows, np.concatenate([features.transform([text]) for text in texts]), atol=1e-6)
    assert features.transform([]).shape == (0, 6)
