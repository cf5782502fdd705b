"""An artifact is whole and sound, or it is refused with a sentence."""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vigie_model
from vigie_model import ArtifactError, Block, BoosterHead, Cleaner, ForestHead, LinearHead, Platt, TfidfFeatures
from vigie_model.artifact import pack_arrays, unpack_arrays
from vigie_model.manifest import digest_of

GOLDEN = Path(__file__).parent / "golden" / "format_1"


@pytest.fixture(params=["linear", "forest", "lightgbm"])
def artifact(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / request.param, tmp_path / "artifact"))


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "linear", tmp_path / "linear"))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def replace_file(folder: Path, name: str, data: bytes) -> None:
    """Put other content in a file and its right hash in the manifest: a forger who knows the format."""
    (folder / name).write_bytes(data)
    edit(folder, lambda document: document["files"].update({name: digest_of(data)}))


def small_model(folder: Path) -> str:
    features = TfidfFeatures(Cleaner(), [Block("word", (1, 1), ["good", "bad"], np.array([1.0, 2.0]))])
    head = LinearHead(np.array([1.0, -1.0]), 0.1)
    return vigie_model.save(
        folder,
        recipe="tfidf_logreg",
        features=features,
        head=head,
        calibration=Platt(),
        uncertain=(0.45, 0.55),
        trained={"rows": 2},
    )


def test_what_was_saved_is_loaded(tmp_path: Path):
    digest = small_model(tmp_path / "deep" / "artifact")
    model = vigie_model.load(tmp_path / "deep" / "artifact")
    assert model.digest == digest == vigie_model.artifact_digest(tmp_path / "deep" / "artifact")
    assert digest.startswith("sha256:")
    assert (model.recipe, model.cost) == ("tfidf_logreg", "light")
    assert model.manifest.trained == {"rows": 2}
    assert model.manifest.uncertain == (0.45, 0.55)
    assert model.predict_one("good").sentiment == "positive"
    assert model.predict_one("bad").sentiment == "negative"


def test_the_same_model_has_the_same_bytes(tmp_path: Path):
    assert small_model(tmp_path / "a") == small_model(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_saving_fills_an_empty_folder_and_leaves_nothing_else(tmp_path: Path):
    (tmp_path / "artifact").mkdir()
    small_model(tmp_path / "artifact")
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def test_saving_never_overwrites(tmp_path: Path):
    small_model(tmp_path / "artifact")
    with pytest.raises(ArtifactError, match="never overwritten"):
        small_model(tmp_path / "artifact")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match="not an empty folder"):
        small_model(tmp_path / "file")


def test_a_failed_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vigie_model.artifact.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        small_model(tmp_path / "artifact")
    assert list(tmp_path.iterdir()) == []


def test_facts_that_are_not_plain_data_are_refused(tmp_path: Path):
    features = TfidfFeatures(Cleaner(), [])
    head = LinearHead(np.zeros(0), 0.0)
    for value in (float("nan"), {1, 2}):
        with pytest.raises(ArtifactError, match="JSON"):
            vigie_model.save(
                tmp_path / "a",
                recipe="r_x",
                features=features,
                head=head,
                calibration=Platt(),
                uncertain=(0.5, 0.5),
                trained={"x": value},
            )


def test_a_missing_folder_or_manifest_is_named(tmp_path: Path):
    with pytest.raises(ArtifactError, match="no artifact folder"):
        vigie_model.load(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        vigie_model.load(tmp_path)
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        vigie_model.artifact_digest(tmp_path)


def test_one_flipped_bit_in_any_file_is_noticed(artifact: Path):
    for path in sorted(artifact.iterdir()):
        if path.name == "manifest.json":
            continue
        original = path.read_bytes()
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(ArtifactError, match="SHA-256"):
            vigie_model.load(artifact)
        path.write_bytes(original)
    vigie_model.load(artifact)


def test_a_missing_file_and_one_too_many_are_named(artifact: Path):
    (artifact / "idf_0.npz").rename(artifact / "stray.npz")
    with pytest.raises(ArtifactError, match=r"lacks idf_0\.npz"):
        vigie_model.load(artifact)
    shutil.copy(artifact / "stray.npz", artifact / "idf_0.npz")
    with pytest.raises(ArtifactError, match=r"does not name: stray\.npz"):
        vigie_model.load(artifact)


def test_a_link_or_a_folder_is_not_a_file(linear: Path, tmp_path: Path):
    (linear / "idf_0.npz").rename(tmp_path / "elsewhere.npz")
    (linear / "idf_0.npz").symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(ArtifactError, match="regular file"):
        vigie_model.load(linear)
    (linear / "idf_0.npz").unlink()
    (linear / "idf_0.npz").mkdir()
    with pytest.raises(ArtifactError, match="regular file"):
        vigie_model.load(linear)


@pytest.mark.parametrize(
    "name", ["../evil.npz", "/etc/passwd", "a/b.npz", "manifest.json", "code.py", "x.pkl", "", "..", "A.npz"]
)
def test_a_name_that_leaves_the_folder_or_is_no_data_file_is_refused(linear: Path, name: str):
    edit(linear, lambda document: document["files"].update({name: "0" * 64}))
    with pytest.raises(ArtifactError, match="cannot hold"):
        vigie_model.load(linear)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(format=3), "format 3"),
        (lambda d: d.pop("format"), "format None"),
        (lambda d: d.pop("head"), "lacks 'head'"),
        (lambda d: d.update(surprise=1), "does not know: surprise"),
        (lambda d: d.update(recipe=7), "text belongs"),
        (lambda d: d.update(cleaning=[]), "object belongs"),
        (lambda d: d["cleaning"].pop("lowercase"), "cleaning switches"),
        (lambda d: d["cleaning"].update(lowercase="yes"), "cleaning switches"),
        (lambda d: d.update(labels=["positive", "negative"]), "labels"),
        (lambda d: d.update(uncertain={"low": 0.6, "high": 0.7}), "band"),
        (lambda d: d.update(uncertain={"low": "a", "high": 0.7}), "band"),
        (lambda d: d.update(calibration={"kind": "magic"}), "Unknown calibration"),
        (lambda d: d["features"].update(kind="magic"), "Unknown features"),
        (lambda d: d["features"].pop("blocks"), "incomplete"),
        (lambda d: d["features"]["blocks"][0].update(analyzer="char"), "Unknown analyzer"),
        (lambda d: d["features"]["blocks"][0].update(ngrams=[3, 1]), "no sense"),
        (lambda d: d["features"]["blocks"][0].update(size=3), "do not match"),
        (lambda d: d["features"]["blocks"].append(d["features"]["blocks"][0]), "incomplete"),
        (lambda d: d["features"]["blocks"].pop(), "columns"),
        (lambda d: d["head"].update(kind="magic"), "Unknown head"),
        (lambda d: d["head"].update(kind="forest"), "has no head.onnx"),
        (lambda d: d["head"].update(intercept="much"), "intercept"),
    ],
)
def test_an_unsound_manifest_is_refused_with_a_sentence(
    linear: Path, change: Callable[[dict[str, Any]], None], sentence: str
):
    edit(linear, change)
    with pytest.raises(ArtifactError, match=sentence):
        vigie_model.load(linear)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object_is_refused(linear: Path, content: bytes):
    (linear / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError, match="JSON"):
        vigie_model.load(linear)


def pickled_array() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.array([print], dtype=object), idf=np.array([print], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"not a zip", pickled_array(), pack_arrays({"other": np.zeros(3)}), pack_arrays({"weights": np.zeros((2, 2))})],
)
def test_weights_that_are_not_plain_numbers_are_refused_and_never_unpickled(linear: Path, data: bytes):
    replace_file(linear, "head.npz", data)
    with pytest.raises(ArtifactError, match=r"head\.npz"):
        vigie_model.load(linear)


def test_weights_that_are_not_finite_are_refused(linear: Path):
    replace_file(linear, "head.npz", pack_arrays({"weights": np.full(31, np.nan)}))
    with pytest.raises(ArtifactError, match="finite"):
        vigie_model.load(linear)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("idf_0.npz", pack_arrays({"idf": np.full(15, -1.0)})),
        ("idf_0.npz", pack_arrays({"idf": np.ones(2)})),
        ("terms_0.json", b'["a", "a"]'),
        ("terms_0.json", b"{}"),
        ("terms_0.json", b"nonsense"),
    ],
)
def test_terms_and_weights_that_do_not_go_together_are_refused(linear: Path, name: str, data: bytes):
    replace_file(linear, name, data)
    with pytest.raises(ArtifactError):
        vigie_model.load(linear)


@pytest.mark.parametrize(("kind", "name"), [("forest", "head.onnx"), ("lightgbm", "head.txt")])
def test_a_head_that_its_library_cannot_read_is_refused(tmp_path: Path, kind: str, name: str):
    folder = Path(shutil.copytree(GOLDEN / kind, tmp_path / kind))
    replace_file(folder, name, b"nonsense")
    with pytest.raises(ArtifactError, match=name):
        vigie_model.load(folder)


def test_a_forest_of_another_width_is_refused():
    graph = (GOLDEN / "forest" / "head.onnx").read_bytes()
    with pytest.raises(ArtifactError, match="columns"):
        ForestHead(graph, 7)


def test_heavy_heads_say_so_and_take_no_rows(tmp_path: Path):
    for name in ("forest", "lightgbm"):
        model = vigie_model.load(GOLDEN / name, threads=2)
        assert model.cost == "heavy"
        assert model.predict([]) == []
        assert model.score([]).shape == (0,)
    assert isinstance(model.scorer.head, BoosterHead)


def test_arrays_survive_packing():
    arrays = {"a": np.arange(3.0), "b": np.array([[1, 2]], dtype=np.int32)}
    again = unpack_arrays(pack_arrays(arrays), "x.npz")
    assert {name: array.tolist() for name, array in again.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }


@pytest.mark.parametrize("seed", range(20))
def test_weights_with_damaged_bytes_are_read_or_refused(linear: Path, seed: int):
    random = np.random.default_rng(seed)
    sound = (linear / "head.npz").read_bytes()
    for _ in range(20):
        data = bytearray(sound)
        for at in random.integers(len(data), size=3):
            data[at] = int(random.integers(256))
        with suppress(ArtifactError):
            unpack_arrays(bytes(data), "head.npz")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda document: document["head"].update(intercept=10**400), "intercept"),
        (lambda document: document["calibration"].update(slope=10**400), "calibration"),
        (lambda document: document["features"]["blocks"][0].update(ngrams=[1, float("inf")]), "features"),
        (lambda document: document.update(calibration={"kind": "isotonic", "x": [0], "y": [float("nan")]}), "finite"),
        (lambda document: document.update(calibration={"kind": "isotonic", "x": [float("nan")], "y": [1]}), "finite"),
        (lambda document: document.update(head={"kind": "forest", "width": "many"}), "head"),
    ],
)
def test_numbers_that_no_model_has_are_refused(linear: Path, change: Callable[[dict[str, Any]], None], said: str):
    edit(linear, change)
    with pytest.raises(ArtifactError, match=said):
        vigie_model.load(linear)


def test_a_forest_without_a_width_is_refused(tmp_path: Path):
    forest = Path(shutil.copytree(GOLDEN / "forest", tmp_path / "forest"))
    edit(forest, lambda document: document["head"].update(width=None))
    with pytest.raises(ArtifactError, match="width"):
        vigie_model.load(forest)


def test_trees_that_were_cut_short_are_refused_before_lightgbm_reads_them(tmp_path: Path):
    folder = Path(shutil.copytree(GOLDEN / "lightgbm", tmp_path / "lightgbm"))
    text = (folder / "head.txt").read_bytes()
    for share in (0.1, 0.5, 0.9):
        replace_file(folder, "head.txt", text[: int(share * len(text))])
        with pytest.raises(ArtifactError, match="not a whole"):
            vigie_model.load(folder)
