import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from vigie_model.bulk import csv_records
from vigie_model.bulk.csv_records import Record, read_records


def lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def test_each_record_knows_the_line_where_it_starts() -> None:
    text = 'a,b\r\n1,"two\nlines"\r\n\r\n3,4\n'
    assert list(read_records(lines(text))) == [
        Record(1, ["a", "b"]),
        Record(2, ["1", "two\nlines"]),
        Record(5, ["3", "4"]),
    ]


def test_a_quote_that_nobody_closes_costs_one_line() -> None:
    found = list(read_records(lines('0,"never closed\n1,fine\n0,"also fine"\n')))
    assert found == [Record(1, None), Record(2, ["1", "fine"]), Record(3, ["0", "also fine"])]


def test_a_stray_quote_never_joins_the_rows_after_it() -> None:
    # Read leniently, lines 1 to 3 would become one record of two fields that looks right.
    found = list(read_records(lines('0,"stray\n1,fine\n1,"bye"\n')))
    assert found == [Record(1, None), Record(2, ["1", "fine"]), Record(3, ["1", "bye"])]


def test_text_after_a_closing_quote_is_a_broken_row() -> None:
    assert list(read_records(lines('0,"said" he\n1,ok\n'))) == [Record(1, None), Record(2, ["1", "ok"])]


def test_a_record_longer_than_any_post_is_given_up_and_its_lines_are_read_again(monkeypatch) -> None:
    monkeypatch.setattr(csv_records, "MAX_RECORD_LINES", 3)
    text = '0,"open\n' + "1,x\n" * 5 + '0,"closed"\n'
    found = list(read_records(lines(text)))
    assert found[0] == Record(1, None)
    assert [record.line for record in found] == [1, 2, 3, 4, 5, 6, 7]
    assert all(record.fields for record in found[1:])


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1), max_size=8))
def test_what_csv_writes_comes_back_whole(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [record.fields for record in read_records(lines(out.getvalue()))] == rows


@given(st.text(alphabet='ab,"\n\r', max_size=60))
def test_no_line_of_any_file_is_passed_over_without_a_word(text: str) -> None:
    found = list(read_records(lines(text)))
    starts = [record.line for record in found]
    assert starts == sorted(set(starts))
    total = len(text.splitlines(keepends=True)) if "\r" not in text else None
    if total is not None and total:
        assert all(1 <= start <= total for start in starts)
