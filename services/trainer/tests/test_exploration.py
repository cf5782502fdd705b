from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from vigie_trainer.data.demo import demo_posts
from vigie_trainer.data.exploration import distinctive_terms, explore, one_class_after, parse_date
from vigie_trainer.data.report import drawable, render
from vigie_trainer.data.rows import Posts, SetAside


def nothing(step: str, share: float) -> None:
    """Nobody watches."""


def dated(rows: list[tuple[str, int, str]]) -> Posts:
    set_aside = SetAside()
    set_aside.add("empty_text", 7)
    return Posts(
        "dated.csv",
        [row[0] for row in rows],
        [row[1] for row in rows],
        list(range(2, len(rows) + 2)),
        set_aside,
        {"date": [row[2] for row in rows]},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon Apr 06 22:19:45 PDT 2009", datetime(2009, 4, 7, 5, 19, 45, tzinfo=UTC)),
        ("Mon May 11 03:17:40 UTC 2009", datetime(2009, 5, 11, 3, 17, 40, tzinfo=UTC)),
        ("2024-03-05", datetime(2024, 3, 5, tzinfo=UTC)),
        ("2024-03-05T10:00:00+02:00", datetime(2024, 3, 5, 8, tzinfo=UTC)),
        ("Tue, 05 Mar 2024 10:00:00 GMT", datetime(2024, 3, 5, 10, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("2024-13-45", None),
    ],
)
def test_dates_of_every_usual_form_are_read(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


def test_days_at_the_end_with_one_class_alone_are_found() -> None:
    days = [date(2024, 1, 1) + timedelta(days=at) for at in range(5)]
    assert one_class_after(days, [1, 1, 2, 3, 4], [1, 1, 0, 0, 0]) == days[1]
    assert one_class_after(days, [1, 1, 1, 1, 1], [1, 1, 1, 1, 0]) is None
    assert one_class_after(days, [1] * 5, [0] * 5) is None


def test_the_known_gap_of_sentiment140_is_shown() -> None:
    rows = [(f"text {at}", at % 2, f"Mon Jun {10 + at % 7:02} 12:00:00 PDT 2009") for at in range(40)]
    rows += [(f"late {at}", 0, f"Mon Jun {17 + at % 5:02} 12:00:00 PDT 2009") for at in range(10)]
    posts = dated(rows)
    seen = explore(posts, str.split, lambda _: "en", progress=nothing)
    assert seen.days is not None
    assert seen.days.sentiment140
    page = render(posts, seen)
    assert "after 16 June 2009 only one class was collected" in page
    assert "08:40 PDT" in page
    assert "empty text" in page


def test_a_gap_of_other_data_is_found_and_not_called_sentiment140s() -> None:
    rows = [(f"text {at}", at // 6 % 2, f"2024-01-{1 + at % 6:02}") for at in range(24)]
    rows += [("late", 1, "2024-01-08"), ("later", 1, "2024-01-09"), ("undated", 1, "")]
    seen = explore(dated(rows), str.split, lambda _: "fr", progress=nothing)
    assert seen.days is not None
    assert (seen.days.sentiment140, seen.days.one_class_after, seen.days.undated) == (False, date(2024, 1, 6), 1)
    page = render(dated(rows), seen)
    assert "after 06 January 2024" in page
    assert "Sentiment140" not in page


def test_the_words_that_tell_the_classes_apart_come_first() -> None:
    negative, positive = Counter({"awful": 50, "flight": 100}), Counter({"lovely": 50, "flight": 100, "rare": 1})
    found = distinctive_terms(negative, positive)
    assert found["negative"][0][:2] == ("awful", 50)
    assert found["positive"][0][:2] == ("lovely", 50)
    assert "rare" not in {term for terms in found.values() for term, _, _ in terms}


def test_repeated_texts_are_counted_those_with_both_labels_too() -> None:
    posts = Posts("t", ["Same", "same ", "other", "SAME"], [0, 1, 1, 0], [2, 3, 4, 5], SetAside())
    found = explore(posts, str.split, lambda _: "und", progress=nothing).duplicates
    assert (found.texts, found.rows, found.conflicting, found.examples) == (1, 2, 1, [("Same", 3)])


def test_the_page_needs_nothing_beside_it_and_escapes_what_people_wrote() -> None:
    posts = Posts("<script>.csv", ["<b>x</b>"] * 3 + ["y"], [0, 0, 0, 0], [2, 3, 4, 5], SetAside())
    page = render(posts, explore(posts, str.split, lambda _: "en", progress=nothing))
    assert "<script" not in page
    assert "<b>x</b>" not in page
    assert "http" not in page
    assert page.count("data:image/png;base64,") >= 3
    assert "No column named" in page


def test_emoji_are_in_the_table_and_a_box_in_the_picture() -> None:
    assert drawable("😡") == "□"
    assert drawable("50$") == r"50\$"


def test_the_report_command_writes_the_page_of_the_demo_corpus(vigie, tmp_path) -> None:
    done = vigie("data", "report", "--out", tmp_path / "deep" / "r.html", "--no-log", "--json")
    assert done.code == 0, done.err
    assert done.document["dataset"]["rows"] == len(demo_posts().texts)
    assert done.document["run_id"] is None
    assert "synthetic data" in (tmp_path / "deep" / "r.html").read_text(encoding="utf-8")


def test_the_demo_corpus_is_written_and_can_be_cleaned(vigie, tmp_path) -> None:
    demo = tmp_path / "demo.csv"
    written = vigie("data", "demo", demo, "--json").document
    done = vigie("data", "clean", "--data", demo, "--out", tmp_path / "clean.csv", "--every-step", "--json")
    assert done.document["rows"] == written["rows"]
    header, first, *_ = (tmp_path / "clean.csv").read_text(encoding="utf-8").splitlines()
    assert header == "label,text,clean,language"
    assert first
    plain = vigie("data", "clean", "--data", demo, "--out", tmp_path / "plain.csv")
    assert (plain.code, "posts written to" in plain.out) == (0, True)
    assert not list(tmp_path.glob(".*"))


def test_a_place_that_cannot_be_written_is_one_sentence(vigie, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for command in (
        ("data", "demo", tmp_path / "file" / "x.csv"),
        ("data", "clean", "--out", tmp_path / "file" / "x.csv"),
        ("data", "report", "--out", tmp_path / "file" / "x.html", "--no-log"),
    ):
        done = vigie(*command)
        assert done.code == 1
        assert "cannot be written" in done.err
        assert "Traceback" not in done.err
