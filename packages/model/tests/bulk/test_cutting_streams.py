"""Streams come in pieces of any size; what is cut out of them does not depend on where the pieces end."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_model.bulk.csv_records import read_records
from vigie_model.bulk.cutting import MAX_RECORD_LINES, Chunk, Cutter
from vigie_model.bulk.judging import Row, judge_rows, read_rows
from vigie_model.bulk.layout import Unreadable, Wanted
from vigie_model.bulk.lines import score_chunk
from vigie_model.model import Prediction


def rows_of(kind: str, data: bytes, *, cuts: int | None = None, **more) -> list[Row]:
    """The rows of a stream, in one piece or cut at places that the seed `cuts` draws."""
    cutter = Cutter(kind, Wanted(), **more)
    chunks: list[Chunk] = []
    rng, at = random.Random(cuts), 0
    while at < len(data):
        size = len(data) if cuts is None else rng.randrange(1, 20)
        chunks += cutter.feed(data[at : at + size])
        at += size
    chunks += cutter.finish()
    assert cutter.layout is not None
    rows = [row for chunk in chunks for row in read_rows(cutter.layout, chunk)]
    assert cutter.rows == len(rows)
    assert [chunk.first_row for chunk in chunks] == [1 + sum(c.rows for c in chunks[:n]) for n in range(len(chunks))]
    return rows


@given(st.text('ab,"\n\r \\;é', max_size=80), st.integers(0, 1_000))
def test_a_csv_gives_the_records_of_the_whole_file_wherever_it_is_cut(body, seed):
    rows = rows_of("csv", f"id,text\n{body}".encode(), cuts=seed)
    assert rows == rows_of("csv", f"id,text\n{body}".encode())
    lines = body.split("\n")
    records = list(read_records([line + "\n" for line in lines[:-1]] + lines[-1:] * bool(lines[-1])))
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert (row.fault == "its quotes make no sense") == (record.fields is None)
        if record.fields is not None and len(record.fields) == 2 and row.fault is None:
            assert (row.kept[0], row.text) == tuple(record.fields)


@given(st.lists(st.one_of(st.text(max_size=10), st.just(""), st.just("  ")), max_size=8), st.integers(0, 1_000))
def test_ndjson_gives_a_row_for_each_line_that_is_not_blank(texts, seed):
    data = "\n".join(json.dumps({"text": text}) if text else "" for text in texts).encode()
    rows = rows_of("ndjson", data, cuts=seed)
    wanted = [text for text in texts if text]
    assert len(rows) == len(wanted)
    for row, text in zip(rows, wanted, strict=True):
        assert row.text == text or row.fault is not None


HEADS = st.sampled_from(
    [b"id,text\n", b"\xef\xbb\xbfid;text;date\r\n", b'"id\nx",text\n', b'i"d,text\n', b"text\tid\n", b'"text"\n', b""]
)
PIECES = [
    b'"', b'""', b"\n", b"\r\n", b"\r", b",", b";", b"\t", b"a", b"\xc3\xa9", b"\xff", b"\0", b"\x1c", b"1,ok\n",
    b'"\n' * 3, b"\n" * 210, b"x" * 5_000, b'{"text": "a"}\n', b'{"id": ', b'"text": ', b"{", b"}", b"[", b"]",
    b"1e999", b"-0", b"1" * 4_400, b"null", b"\\ud800", b"NaN", b'{"id": [{"a": 1}], "text": "a"}\n',
]  # fmt: skip
BODIES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=30).map(b"".join)


def _no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@given(
    st.sampled_from(["csv", "ndjson"]), HEADS, BODIES, st.sampled_from(["utf-8", "latin-1", "cp1252"]), st.integers(0)
)
def test_whatever_comes_is_refused_whole_or_told_in_one_line_of_json_a_row(kind, head, body, encoding, seed):
    cutter, rng, at = Cutter(kind, Wanted(), encoding=encoding), random.Random(seed), 0
    data = head + body
    chunks: list[Chunk] = []
    try:
        while at < len(data):
            size = rng.choice([1, 7, 50, 5_000, 50_000])
            chunks += cutter.feed(data[at : at + size])
            at += size
        chunks += cutter.finish()
    except Unreadable:
        return
    told = b"".join(score_chunk(Fails(), cutter.layout, chunk).lines for chunk in chunks).decode()
    rows = [json.loads(line, parse_constant=_no_json)["row"] for line in told.split("\n")[:-1]]
    assert rows == list(range(1, cutter.rows + 1))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"id": 1}', "there is no text"),
        (b'{"text": 3}', "the text is no string"),
        (b'{"text": "  "}', "the text is empty"),
        (b'{"text": "a\\u0000b"}', "the text has a NUL character"),
        (b'{"text": "\\ud800"}', "it has bytes that are not UTF-8"),
        (b'{"text": "caf\xe9"}', "it has bytes that are not UTF-8"),
        (b'{"text": NaN}', "it is no JSON"),
        (b'{"text": "a"', "it is no JSON"),
        (b'["a"]', "it is no JSON object"),
        (b"[" * 100_000, "it is no JSON"),
        (b'{"text": "a", "id": 1e999}', "it is no JSON"),
        (b'{"text": "a", "id": ' + b"[" * 101 + b"]" * 101 + b"}", "a value to keep is nested too deeply"),
        (b'{"text": "a", "id": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", "a value to keep is nested too deeply"),
        (json.dumps({"text": "x" * 10_001}).encode(), "the text has 10,001 characters; the limit is 10,000"),
    ],
)
def test_a_bad_line_costs_itself_alone(line, fault):
    rows = rows_of("ndjson", b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n', cuts=None)
    assert [row.text for row in rows] == ["before", "", "after"]
    assert rows[1].fault == fault


def test_a_quote_that_nobody_closes_costs_one_line():
    lines = ['1,"never closed', *(f"{n},fine" for n in range(2, 3 * MAX_RECORD_LINES))]
    rows = rows_of("csv", ("id,text\n" + "\n".join(lines)).encode(), cuts=3)
    assert [row.fault for row in rows[:2]] == ["its quotes make no sense", None]
    assert sum(row.fault is None for row in rows) == len(lines) - 1


def test_a_line_without_an_end_is_forgotten_as_it_comes():
    cutter = Cutter("csv", Wanted(), max_record_bytes=1_000)
    chunks = cutter.feed(b"id,text\n1,good\n2," + b"x" * 5_000)
    chunks += cutter.feed(b"x" * 5_000)
    chunks += cutter.feed(b"x\n3,good\n") + cutter.finish()
    rows = [row for chunk in chunks for row in read_rows(cutter.layout, chunk)]
    assert [row.fault for row in rows] == [None, "the record is longer than 1,000 bytes", None]


@pytest.mark.parametrize(("kind", "head"), [("ndjson", b""), ("csv", b"id,text\n")])
def test_a_long_record_is_cut_as_soon_as_it_ends_however_small_its_last_piece_is(kind, head):
    cutter = Cutter(kind, Wanted())
    record = b'{"text": "' + b"x" * 20_000 + b'"}\n' if kind == "ndjson" else b"1," + b"x" * 20_000 + b"\n"
    assert cutter.feed(head + record[:-1]) == []
    assert [chunk.rows for chunk in cutter.feed(record[-1:])] == [1]


def test_a_stray_quote_in_a_header_costs_no_row():
    assert [row.text for row in rows_of("csv", b'id,size 5",text\n1,2,one\n3,4,"two"\n5,6,three\n')] == [
        "one", "two", "three"
    ]  # fmt: skip
    assert [row.text for row in rows_of("csv", b'"id\nor so",text\n1,one\n')] == ["one"]


@pytest.mark.parametrize(
    ("data", "wanted", "said"),
    [
        (b"", Wanted(), "empty"),
        (b"a,b\n1,2\n", Wanted(), "no column of texts"),
        (b"a,text\n1,2\n", Wanted("b"), "no column 'b'"),
        (b"a,text\n1,2\n", Wanted(None, ("z",)), "'z' to keep"),
        (b"\xff\xfea\x00", Wanted(), "UTF-16"),
        (b"\x1f\x8b\x08\x00", Wanted(), "packed"),
        (b"x" * 300_000, Wanted(), "too long"),
    ],
)
def test_a_stream_that_cannot_be_read_says_why(data, wanted, said):
    cutter = Cutter("csv", wanted)
    with pytest.raises(Unreadable, match=said):
        _ = cutter.feed(data), cutter.finish()


def test_a_name_of_the_answer_cannot_be_kept():
    with pytest.raises(Unreadable, match="'score'"):
        Wanted(None, ("score",))


def test_semicolons_french_names_bytes_order_marks_and_sentiment140_are_understood():
    assert rows_of("csv", "\ufeffId;Texte\n1;été\n".encode())[0].text == "été"
    assert rows_of("csv", "id,text\n1,été\n".encode("cp1252"), encoding="cp1252")[0].text == "été"
    own = '"0","1467810369","Mon Apr 06","NO_QUERY","someone","caf\xe9 gone"\n'.encode("latin-1")
    assert rows_of("csv", own)[0] == Row("café gone", None, ("1467810369",))


class Fails:
    """A model that fails on one text, and says NaN of another."""

    def predict(self, texts):
        if "bad" in texts:
            raise ValueError("bad")
        return [Prediction("positive", float("nan") if text == "nan" else 0.75, 0.75, False, "en") for text in texts]


def test_a_text_that_the_model_fails_on_has_an_error_and_its_neighbours_a_verdict():
    rows = [Row(text, None, ()) for text in ("one", "bad", "nan", "two")]
    said = judge_rows(Fails(), rows)
    assert [isinstance(one, str) for one in said] == [False, True, True, False]


def test_the_lines_say_the_row_what_is_kept_and_the_verdict():
    cutter = Cutter("ndjson", Wanted(None, ("tag",)))
    chunks = cutter.feed('{"id": 7, "tag": "é\\ud800", "text": "fine"}\n{"tag": [1], "text": ""}\n'.encode())
    told = score_chunk(Fails(), cutter.layout, chunks[0])
    assert (told.positive, told.negative, told.refused) == (1, 0, 1)
    assert [json.loads(line) for line in told.lines.splitlines()] == [
        {
            "row": 1, "id": 7, "tag": "é?", "sentiment": "positive", "score": 0.75, "confidence": 0.75,
            "uncertain": False, "language": "en",
        },
        {"row": 2, "tag": [1], "error": "the text is empty"},
    ]  # fmt: skip
