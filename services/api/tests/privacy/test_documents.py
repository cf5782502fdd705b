"""Files without a text: what is left is whole, and what held the text is gone."""

import csv
import gzip
import html
import io
import json

import pytest

from vigie_api.privacy.documents import Unreadable, readable, rewrite, unescaped
from vigie_api.privacy.wanted import MARKER, Wanted

HOSTILE = "Vol \"AP-12\", <b>annulé</b> & \\n ça; DROP TABLE predictions;-- %_ 😡 =cmd|'x'!A0"
WANTED = Wanted(HOSTILE)


def _table(*texts: str, newline: str = "\r\n") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=newline)
    writer.writerow(["label", "text"])
    writer.writerows([["negative", text] for text in texts])
    return out.getvalue().encode()


def _rows(table: bytes) -> list[str]:
    return [row[1] for row in list(csv.reader(io.StringIO(table.decode())))[1:]]


def test_a_row_of_a_table_goes_and_the_others_stay():
    clean, hits = rewrite("worst_mistakes.csv", _table("one, two", HOSTILE.upper(), "three\nfour"), WANTED)
    assert (_rows(clean), hits) == (["one, two", "three\nfour"], 1)


def test_a_packed_table_is_packed_again():
    clean, hits = rewrite("heldout/heldout.csv.gz", gzip.compress(_table(HOSTILE, "other", HOSTILE)), WANTED)
    assert (_rows(gzip.decompress(clean)), hits) == (["other"], 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", _table("other", newline="\n")),
        ("a.csv.gz", gzip.compress(_table("other"), mtime=0)),
        ("a.json", b'{"text":"other"}'),
        ("a.html", b"<p>other</p>"),
        ("a.txt", b"other"),
        ("a.csv", b""),
        ("a.ndjson", b'{"text":"other"}\n\n'),
    ],
)
def test_a_file_without_the_text_is_the_same_to_the_byte(name, content):
    assert rewrite(name, content, WANTED) == (content, 0)


def test_strings_of_json_become_a_marker_wherever_they_are():
    document = {
        "examples": [{"text": HOSTILE, "score": 0.5}, {"text": "other"}],
        f"about {HOSTILE}": [HOSTILE, 1, None],
    }
    clean, hits = rewrite("gate.json", json.dumps(document).encode(), WANTED)
    assert json.loads(clean) == {
        "examples": [{"text": MARKER, "score": 0.5}, {"text": "other"}],
        MARKER: [MARKER, 1, None],
    }
    assert hits == 3


def test_a_line_of_ndjson_goes():
    lines = [json.dumps({"text": text}) for text in ("one", HOSTILE, "two")]
    clean, hits = rewrite("rows.ndjson", "\n".join(lines).encode(), WANTED)
    assert ([json.loads(line)["text"] for line in clean.splitlines()], hits) == (["one", "two"], 1)


def test_a_text_and_an_attribute_of_a_page_become_a_marker():
    page = f'<td class="text">{html.escape(HOSTILE)}</td><td title="{html.escape(HOSTILE)}">other words</td>'
    clean, hits = rewrite("gate.html", page.encode(), WANTED)
    assert clean.decode() == f'<td class="text">{MARKER}</td><td title="{MARKER}">other words</td>'
    assert hits == 2


@pytest.mark.parametrize(
    "page",
    [
        f"<p>kept</p><script>show({json.dumps(HOSTILE)})</script>",
        f"<p>kept</p><script>show({json.dumps(HOSTILE, ensure_ascii=False)})</script>",
        "<p>Vol annulé, <b>personne</b> ne répond</p>",
    ],
)
def test_a_page_that_holds_the_text_in_a_script_or_in_pieces_goes_as_a_whole(page):
    wanted = WANTED if "script" in page else Wanted("Vol annulé, personne ne répond")
    clean, hits = rewrite("drift.html", page.encode(), wanted)
    assert b"removed" in clean
    assert b"kept" not in clean
    assert hits == 1


def test_a_single_word_is_a_label_unless_its_place_says_that_it_is_a_post():
    table = b"label,text\r\nnegative,great\r\npositive,negative\r\n"
    assert rewrite("a.csv", table, Wanted("negative")) == (b"label,text\r\nnegative,great\r\n", 1)
    page = b'<td>negative</td><td class="text">negative</td>'
    clean, hits = rewrite("a.html", page, Wanted("negative"))
    assert (clean.decode(), hits) == (f'<td>negative</td><td class="text">{MARKER}</td>', 1)


def test_lines_that_hold_the_text_become_a_marker_and_a_text_over_two_lines_takes_the_file():
    wanted = Wanted("Vol annulé, personne ne répond")
    clean, hits = rewrite("notes.md", "# Day\nvol annulé, personne ne répond\nend\n".encode(), wanted)
    assert (clean.decode(), hits) == (f"# Day\n{MARKER}\nend\n", 1)
    clean, hits = rewrite("notes.md", "# Day\nvol annulé,\npersonne ne répond\n".encode(), wanted)
    assert (b"removed" in clean, hits) == (True, 1)


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", b'{"text": "%s'), ("a.ndjson", b"{%s"), ("a.csv", b'"x"y %s')]
)
def test_a_damaged_document_is_read_as_lines(name, content):
    clean, hits = rewrite(
        name, content.replace(b"%s", b"the crew was not kind at all"), Wanted("the crew was not kind at all")
    )
    assert (b"crew" in clean, hits) == (False, 1)


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b"\xff\xfe\xfa"), ("a.csv.gz", b"no gzip"), ("a.parquet", b"PAR1"), ("MAKE", b"")]
)
def test_what_cannot_be_read_is_said_so(name, content):
    with pytest.raises(Unreadable):
        rewrite(name, content, WANTED)


def test_pictures_and_models_are_not_looked_into():
    assert [name for name in ("a.png", "b.npy", "m.onnx", "c.CSV.gz", "d.json") if readable(name)] == [
        "c.CSV.gz",
        "d.json",
    ]


def test_escapes_of_a_script_are_read_as_characters():
    assert unescaped(json.dumps("é😡\"'\\/ \n\t")) == '"é😡"\'\\/   "'
