"""`vigie data protocol`: a folder of data like that of the published figures, from the whole corpus."""

import csv
import gzip
import zipfile
from pathlib import Path

import pytest

from vigie_trainer.data import drawing
from vigie_trainer.data.fetching import ARCHIVE, MEMBERS
from vigie_trainer.data.protocols import MANUAL_TEST, MORE, SAMPLE
from vigie_trainer.data.rows import text_key


@pytest.fixture
def corpus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sentiment140 in small, where `vigie data fetch` puts it: 60 rows, of which some texts come again."""
    monkeypatch.setattr(drawing, "SAMPLE_ROWS", 20)
    lines = []
    for at in range(60):
        text = "so caf\xe9" if at % 10 == 0 else f'tweet ""{at}"" &amp; more'
        lines.append(f'"{0 if at % 2 else 4}","{1000 + at}","Mon Apr 06","NO_QUERY","someone","{text}"')
    manual = [f'"{label}","{at}","Mon May 11","q","u","labelled {at}"' for at, label in enumerate((0, 2, 4))]
    folder = home / "data"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / ARCHIVE, "w") as packed:
        packed.writestr(MEMBERS[0], "\n".join(lines).encode("latin-1"))
        packed.writestr(MEMBERS[1], "\n".join(manual))
    return folder


def read(path: Path) -> list[dict[str, str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(content.decode().splitlines()))


def test_the_folder_serves_both_protocols_and_no_text_is_in_two_places(
    vigie, corpus: Path, tmp_path: Path, tiny_recipe: Path
) -> None:
    folder = tmp_path / "folder"
    done = vigie("data", "protocol", folder, "--json")
    assert done.code == 0, done.err
    sample, more, manual = read(folder / SAMPLE), read(folder / MORE), read(folder / MANUAL_TEST)
    assert done.document == {
        "folder": str(folder), "read": 60, "sample": 20, "more": len(more), "manual_test": 3,
    }  # fmt: skip
    assert len(sample) == 20
    assert {row["target"] for row in sample} == {"0", "1"}
    assert [row["polarity"] for row in manual] == ["0", "2", "4"]
    assert any('"' in row["text"] and "&amp;" in row["text"] for row in sample), "texts are kept as they were"
    keys = [text_key(row["text"]) for row in more]
    assert len(keys) == len(set(keys))
    assert not set(keys) & {text_key(row["text"]) for row in [*sample, *manual]}
    assert not {row["id"] for row in more} & {row["id"] for row in sample}
    trained = vigie("train", tiny_recipe, "--protocol", "full", "--data", folder, "--json")
    assert trained.code == 0, trained.err
    (run,) = trained.document["runs"]
    assert run["test_rows"] == 4
    assert 16 < run["train_rows"] <= 16 + len(more)
    assert run["manual_test"]["rows"] == 2


def test_the_same_seed_gives_the_same_bytes_from_the_archive_and_from_the_unpacked_files(
    vigie, corpus: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(corpus / ARCHIVE) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert vigie("data", "protocol", tmp_path / "a").code == 0
    assert vigie("data", "protocol", tmp_path / "b", "--from", tmp_path / "unpacked").code == 0
    assert vigie("data", "protocol", tmp_path / "c", "--from", corpus / ARCHIVE, "--seed", "7", "--more", "0").code == 0
    for name in (SAMPLE, MORE, MANUAL_TEST):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / SAMPLE).read_bytes() != (tmp_path / "c" / SAMPLE).read_bytes()
    assert read(tmp_path / "c" / MORE) == []


def test_a_place_without_the_corpus_is_misuse_that_says_how_to_get_it(vigie, home: Path, tmp_path: Path) -> None:
    done = vigie("data", "protocol", tmp_path / "x", "--json")
    assert done.code == 2
    assert "vigie data fetch" in done.document["error"]
    not_a_zip = tmp_path / "file.zip"
    not_a_zip.write_text("nothing")
    assert vigie("data", "protocol", tmp_path / "x", "--from", not_a_zip).code == 2
    with zipfile.ZipFile(not_a_zip, "w") as packed:
        packed.writestr(MEMBERS[0], '"0","1","d","q","u","alone"')
        packed.writestr(MEMBERS[1], "")
    assert "not the corpus" in vigie("data", "protocol", tmp_path / "x", "--from", not_a_zip).err
