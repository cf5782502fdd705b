import gzip
import os
from pathlib import Path

import pytest

import vigie_model
from vigie_trainer.data.reading import MAX_TEXT_CHARACTERS, ReadOptions, read_labelled, read_texts
from vigie_trainer.data.rows import REASONS, rows_digest, text_hashes, text_key
from vigie_trainer.errors import Misuse


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_sentiment140s_own_file_is_read_as_latin_1_without_a_header(tmp_path: Path) -> None:
    rows = (
        '"0","0467810369","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","_TheSpecialOne_","caf\xe9 closed, so sad"\n'
        '"4","1467810672","Mon Apr 06 22:19:49 PDT 2009","NO_QUERY","scotthamilton","is happy, ""really"""\n'
    )
    posts = read_labelled(written(tmp_path / "t.csv", rows.encode("latin-1")), ReadOptions(keep=("id", "date")))
    assert posts.texts == ["café closed, so sad", 'is happy, "really"']
    assert posts.labels == [0, 1]
    assert posts.columns["id"] == ["0467810369", "1467810672"]
    assert posts.lines == [1, 2]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with BOM"])
@pytest.mark.parametrize("packed", [False, True], ids=["csv", "gz"])
def test_utf8_is_read_with_and_without_a_byte_order_mark_packed_or_not(
    tmp_path: Path, mark: bytes, packed: bool
) -> None:
    content = mark + "label,text\nnégatif,Vol annulé 😡\npositif,Équipage adorable\n".encode()
    posts = read_labelled(written(tmp_path / "posts.data", gzip.compress(content) if packed else content))
    assert posts.texts == ["Vol annulé 😡", "Équipage adorable"]
    assert posts.labels == [0, 1]


def test_the_first_known_column_wins_and_options_win_over_it(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "Sentiment,target,tweet,comment,note\n1,0,the tweet,the comment,the note\n")
    assert read_labelled(path).texts == ["the comment"]
    assert read_labelled(path).labels == [0]
    chosen = read_labelled(path, ReadOptions(text_column="note", label_column="sentiment"))
    assert (chosen.texts, chosen.labels) == (["the note"], [1])


def test_a_semicolon_or_tab_between_fields_is_noticed(tmp_path: Path) -> None:
    for delimiter in ";\t":
        path = written(tmp_path / "t.csv", f"text{delimiter}label\nfine, thanks{delimiter}1\n")
        assert read_labelled(path).texts == ["fine, thanks"]


def test_every_kind_of_broken_row_is_set_aside_with_its_line_and_the_others_are_used(tmp_path: Path) -> None:
    content = b"\n".join(
        [
            b"id,label,text",
            b"1,1,good",
            b"2,1,too,many",
            b"3,0",
            b"4,banana,unknown label",
            b"5,0,   ",
            b"6,0,with \x00 inside",
            b"7,0,invalid \xff\xfe bytes",
            b'8,0,"never closed',
            b"9,2," + b"x" * 10_001,
            b"",
            b"0010,0,bad",
        ]
    )
    posts = read_labelled(written(tmp_path / "broken.csv", content), ReadOptions(keep=("id",)))
    assert posts.texts == ["good", "bad"]
    assert posts.columns["id"] == ["1", "0010"]
    assert posts.lines == [2, 12]
    assert posts.set_aside.bad == {
        "wrong_field_count": [3, 4],
        "unknown_label": [5],
        "empty_text": [6],
        "nul_character": [7],
        "invalid_utf8": [8],
        "broken_quotes": [9],
        "too_long": [10],
    }
    assert set(posts.set_aside.bad) <= set(REASONS)


def test_neutral_rows_are_set_aside_and_are_no_fault(tmp_path: Path) -> None:
    posts = read_labelled(written(tmp_path / "t.csv", "polarity,text\n0,a\n2,b\n4,c\n2,d\n"))
    assert posts.labels == [0, 1]
    assert posts.set_aside.counts == {"neutral": 2}
    assert posts.set_aside.bad == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"label,text\n", "no usable row"),
        (b"label,text\n7,x\n", "more than one way"),
        (b"label,text\nbanana,x\n,y\n", "unknown label"),
        (b"label,text\n0,\n1, \n", "2 with empty text"),
        (b"a,b\n0,x\n", "no text column"),
        (b"text,b\nx,0\n", "no label column"),
        (b"PK\x03\x04rest", "spreadsheet"),
        ("label,text\n0,x\n".encode("utf-16"), "UTF-16"),
        (gzip.compress(b"label,text\n" + b"0,x\n" * 500)[:40], "damaged"),
        (b"\x1f\x8bnot gzip at all", "damaged"),
    ],
    ids=[
        "empty",
        "header only",
        "odd numbers",
        "odd words",
        "no text",
        "no text column",
        "no label column",
        "spreadsheet",
        "UTF-16",
        "cut gzip",
        "no gzip",
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Misuse, match=said) as caught:
        read_labelled(written(tmp_path / "t.csv", content))
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_a_missing_column_are_misuse(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there is no file"):
        read_labelled(tmp_path / "absent.csv")
    with pytest.raises(Misuse, match="folder"):
        read_labelled(tmp_path)
    with pytest.raises(Misuse, match="no column 'nope'"):
        read_labelled(written(tmp_path / "t.csv", "text,label\nx,1\n"), ReadOptions(text_column="nope"))


def test_progress_is_told(tmp_path: Path) -> None:
    heard: list[float] = []
    read_labelled(written(tmp_path / "t.csv", "text,label\nx,1\n"), progress=heard.append)
    assert heard == [0.0]


def test_texts_are_read_without_labels_from_csv_and_from_plain_lines(tmp_path: Path) -> None:
    assert read_texts(written(tmp_path / "t.csv", "text\none\n\n  \ntwo\n")).texts == ["one", "two"]
    plain = read_texts(written(tmp_path / "t.txt", 'a "quoted, line\n\nanother; line\r\n'))
    assert plain.texts == ['a "quoted, line', "another; line"]
    assert plain.lines == [1, 3]


def test_the_length_limit_is_that_of_the_product() -> None:
    assert MAX_TEXT_CHARACTERS == vigie_model.MAX_TEXT_LENGTH


def test_the_digest_names_the_rows_and_their_order() -> None:
    assert rows_digest(["a", "b"], [0, 1]) == rows_digest(["a", "b"], [0, 1])
    assert len({rows_digest(["a", "b"], [0, 1]), rows_digest(["b", "a"], [1, 0]), rows_digest(["a", "b"], [1, 0])}) == 3


def test_texts_that_differ_by_case_accents_spaces_or_entities_count_as_the_same() -> None:
    assert text_key("  L'&eacute;quipage&nbsp;EST là ") == text_key("l'equipage est la")
    same, other = text_hashes(["Café  noir", "cafe noir"]), text_hashes(["thé"])
    assert same[0] == same[1] != other[0]


def test_a_pipe_is_refused_before_anything_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "posts.csv")
    with pytest.raises(Misuse, match="is a pipe"):
        read_labelled(tmp_path / "posts.csv")
