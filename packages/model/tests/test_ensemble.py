"""An ensemble is the weighted sum of its members, weighed by the language of the text."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_graphs import PIECES, network_graph

import vigie_model
from vigie_model import (
    ArtifactError,
    Block,
    Cleaner,
    Combiner,
    EnsembleScorer,
    FeatureScorer,
    LinearHead,
    NetworkScorer,
    Platt,
    TfidfFeatures,
    WordPieces,
)
from vigie_model.scorers import load_scorer

GOLDEN = Path(__file__).parent / "golden" / "format_2"


def words() -> FeatureScorer:
    block = Block("word", (1, 1), ["good", "bad", "merci"], np.array([1.0, 2.0, 1.5]))
    return FeatureScorer(TfidfFeatures(Cleaner(), [block]), LinearHead(np.array([1.0, -1.0, 2.0]), 0.1))


class Listening:
    """A scorer that remembers what it was asked."""

    cost = "light"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.asked += texts
        return np.array([float(len(text)) for text in texts])

    def describe(self) -> dict[str, Any]:
        return {"kind": "listening"}

    def files(self) -> dict[str, bytes]:
        return {}


def pair() -> EnsembleScorer:
    network = NetworkScorer(WordPieces(PIECES), network_graph(len(PIECES)))
    combiners = {"default": Combiner({"words": 2.0, "net_1": 0.5}, -0.25), "fr": Combiner({"words": 1.0})}
    return EnsembleScorer({"words": words(), "net_1": network}, combiners)


PAIR = pair()


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=40) | st.sampled_from(["merci pour le vol", "the good crew"]), max_size=6))
def test_the_margin_is_the_sum_that_the_language_of_the_text_asks_for(texts: list[str]):
    margins = PAIR.margins(texts)
    for text, margin in zip(texts, margins, strict=True):
        word, network = (float(member.margins([text])[0]) for member in PAIR.members.values())
        french = vigie_model.detect_language(text) == "fr"
        assert margin == pytest.approx(word if french else 2 * word + 0.5 * network - 0.25, abs=1e-5)
        assert PAIR.margins([text])[0] == pytest.approx(margin, abs=1e-6)


def test_a_member_is_asked_only_about_texts_where_it_weighs():
    english, french = Listening(), Listening()
    scorer = EnsembleScorer(
        {"english": english, "french": french},
        {"default": Combiner({"english": 1.0, "french": 0.0}), "fr": Combiner({"french": 2.0}, 1.0)},
    )
    texts = ["the crew was good", "le vol était bien", "zzz"]
    assert scorer.margins(texts).tolist() == [17.0, 2 * 17.0 + 1.0, 3.0]
    assert (english.asked, french.asked) == ([texts[0], texts[2]], [texts[1]])
    assert scorer.margins([]).shape == (0,)


def test_an_ensemble_is_as_costly_as_its_costliest_member():
    alone = EnsembleScorer({"words": words()}, {"default": Combiner({"words": 1.0})})
    assert (alone.cost, PAIR.cost) == ("light", "heavy")


def test_an_ensemble_comes_back_from_its_artifact_with_its_members_in_order(tmp_path: Path):
    vigie_model.save(tmp_path / "a", recipe="ensemble", scorer=PAIR, calibration=Platt(0.5, 0.1), uncertain=(0.4, 0.6))
    model = vigie_model.load(tmp_path / "a", threads=2)
    assert isinstance(model.scorer, EnsembleScorer)
    assert list(model.scorer.members) == ["words", "net_1"]
    assert {path.name for path in (tmp_path / "a").iterdir()} > {"net_1__network.onnx", "words__head.npz"}
    texts = ["good bad", "merci pour le vol", ""]
    np.testing.assert_array_equal(model.margins(texts), PAIR.margins(texts))
    assert [verdict.score for verdict in model.predict(texts)] == model.score(texts).tolist()


@pytest.mark.parametrize("name", ["", "Words", "a__b", "_a", "a_", "a-b", "../a", "é"])
def test_a_name_that_cannot_be_part_of_a_file_name_is_refused(name: str):
    with pytest.raises(ArtifactError, match="cannot name a member"):
        EnsembleScorer({name: words()}, {"default": Combiner({})})


@pytest.mark.parametrize(
    ("combiners", "said"),
    [
        ({}, "no default combiner"),
        ({"default": Combiner({}), "de": Combiner({})}, "language 'de'"),
        ({"default": Combiner({"other": 1.0})}, "weighs 'other', which is no member"),
        ({"default": Combiner({"words": float("nan")})}, "not finite"),
        ({"default": Combiner({}, float("inf"))}, "not finite"),
    ],
)
def test_combiners_that_do_not_go_with_the_members_are_refused(combiners: dict[str, Combiner], said: str):
    with pytest.raises(ArtifactError, match=said):
        EnsembleScorer({"words": words()}, combiners)


def test_too_many_members_none_and_ensembles_in_ensembles_are_refused():
    nothing = {"default": Combiner({})}
    for number in (0, 17):
        with pytest.raises(ArtifactError, match="1 to 16 members"):
            EnsembleScorer({f"m{at}": words() for at in range(number)}, nothing)
    with pytest.raises(ArtifactError, match="is an ensemble itself"):
        EnsembleScorer({"inner": PAIR}, nothing)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda scorer: scorer.update(kind="magic"), "Unknown scorer 'magic'"),
        (lambda scorer: scorer.pop("members"), "lacks its members"),
        (lambda scorer: scorer.pop("combiners"), "lacks its combiners"),
        (lambda scorer: scorer.update(combiners={"default": 3}), "lacks its default"),
        (lambda scorer: scorer["combiners"]["default"].pop("intercept"), "combiner of the ensemble is incomplete"),
        (lambda scorer: scorer["combiners"]["default"].update(weights={"words": "a"}), "is incomplete"),
        (lambda scorer: scorer["combiners"]["default"].update(intercept=10**400), "is incomplete"),
        (lambda scorer: scorer.update(order=["words"]), "does not name each member once"),
        (lambda scorer: scorer.update(order=[1, 2, 3]), "does not name each member once"),
        (lambda scorer: scorer.pop("order"), "does not name each member once"),
        (lambda scorer: scorer["members"]["words"].update(kind="ensemble"), "words is an ensemble itself"),
        (lambda scorer: scorer["members"].update(words=[]), "lacks its words"),
        (lambda scorer: scorer["members"]["words"].pop("head"), "Member words: .*lacks its head"),
        (lambda scorer: scorer["members"]["network"].pop("tokens"), "Member network: .*lacks its tokens"),
        (lambda scorer: scorer["members"]["words"]["features"].update(kind="x"), "Member words: Unknown features"),
    ],
)
def test_a_damaged_entry_is_refused_with_a_sentence(change: Callable[[dict[str, Any]], object], said: str):
    document = json.loads((GOLDEN / "ensemble" / "manifest.json").read_text())
    files = {path.name: path.read_bytes() for path in (GOLDEN / "ensemble").iterdir()}
    change(document["scorer"])
    with pytest.raises(ArtifactError, match=said):
        load_scorer(document["scorer"], files, threads=1)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("network__network.onnx", r"Member network: The artifact has no network\.onnx"),
        ("words__head.npz", r"Member words: The artifact has no head\.npz"),
        ("mini_lm__vocabulary.json", r"Member mini_lm: The artifact has no vocabulary\.json"),
    ],
)
def test_a_file_that_a_member_lacks_is_named(file: str, said: str):
    document = json.loads((GOLDEN / "ensemble" / "manifest.json").read_text())
    files = {path.name: path.read_bytes() for path in (GOLDEN / "ensemble").iterdir() if path.name != file}
    with pytest.raises(ArtifactError, match=said):
        load_scorer(document["scorer"], files, threads=1)


def test_a_manifest_without_a_scorer_is_refused(tmp_path: Path):
    folder = Path(shutil.copytree(GOLDEN / "linear", tmp_path / "linear"))
    document = json.loads((folder / "manifest.json").read_text())
    for change, said in (({"scorer": []}, "object belongs"), ({"head": {}}, "format 2 does not know: head")):
        (folder / "manifest.json").write_text(json.dumps({**document, **change}))
        with pytest.raises(ArtifactError, match=said):
            vigie_model.load(folder)
    document.pop("scorer")
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="lacks 'scorer'"):
        vigie_model.load(folder)


def test_saving_takes_a_scorer_or_features_and_a_head(tmp_path: Path):
    scorer = words()
    common: dict[str, Any] = {"recipe": "r_x", "calibration": Platt(), "uncertain": (0.5, 0.5)}
    digest = vigie_model.save(tmp_path / "a", scorer=scorer, **common)
    assert vigie_model.save(tmp_path / "b", features=scorer.features, head=scorer.head, **common) == digest
    for arguments in ({}, {"features": scorer.features}, {"scorer": scorer, "head": scorer.head}):
        with pytest.raises(TypeError, match="takes a scorer, or features and a head"):
            vigie_model.save(tmp_path / "c", **arguments, **common)
