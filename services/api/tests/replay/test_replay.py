"""`vigie-api replay`, from a file to its episodes."""

import csv
import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from vigie_api import cli

HOUR, DAY = 3_600, 86_400
START = 1_424_736_000  # a midnight in February 2015
ONSET, PEAK = START + 9 * DAY + 14 * HOUR, START + 9 * DAY + 17 * HOUR
WORDS = [
    "flight",
    "delay",
    "bag",
    "crew",
    "thanks",
    "late",
    "seat",
    "gate",
    "hours",
    "help",
    "great",
    "service",
    "plane",
    "hold",
]


def replay(path, *options):
    return CliRunner().invoke(cli.app, ["replay", "--input", str(path), "--label-column", "label", *options])


def episodes(path, *options):
    done = replay(path, "--json", *options)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def posts(*, surge=0, happy=0, topic="Air Paradis", seed=0, days=11):
    """Rows of (seconds, topic, label, text): 30 an hour, and what a surge or a happy crowd adds in three hours."""
    generator = np.random.default_rng(seed)

    def text(*more):
        return " ".join([*more, *generator.choice(WORDS, 12)])

    at = START + generator.uniform(0, days * DAY, 30 * 24 * days)
    rows = [(when, topic, "negative" if generator.random() < 0.4 else "positive", text()) for when in at]
    rise = ONSET + (PEAK - ONSET) * generator.power(2.5, surge)
    rows += [(when, topic, "negative", text("strike", "#stranded")) for when in rise]
    rows += [(when, topic, "positive", text("winner")) for when in generator.uniform(ONSET, PEAK, happy)]
    return sorted(rows)


def write(path, rows, form="%Y-%m-%d %H:%M:%S +0000", opened=open):
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["topic", "label", "text", "created_at", "name"])
        for number, (at, topic, label, text) in enumerate(rows):
            when = datetime.fromtimestamp(at, UTC).strftime(form) if form else str(at)
            writer.writerow([topic, label, text, when, f"user{number}"])
    return path


def seconds(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def surging(tmp_path_factory):
    return write(tmp_path_factory.mktemp("replay") / "surge.csv", posts(surge=120))


def test_a_surge_becomes_an_episode_with_its_evidence(surging):
    (found,) = (one for one in episodes(surging) if seconds(one["opened_at"]) >= ONSET)
    assert list(found) == [
        "topic", "onset", "opened_at", "closed_at", "severity", "negatives", "expected", "share", "terms",
    ]  # fmt: skip
    assert found["topic"] == "all"
    assert ONSET - HOUR <= seconds(found["onset"]) < seconds(found["opened_at"]) <= PEAK
    assert PEAK < seconds(found["closed_at"]) < PEAK + 8 * HOUR
    assert found["severity"] in {"serious", "critical"}
    assert found["negatives"] > 1.5 * found["expected"] > 0
    assert 0.5 < found["share"] <= 1
    assert {"strike", "#stranded"} <= set(found["terms"][:3])


def test_calm_days_and_happy_crowds_raise_nothing(tmp_path):
    assert episodes(write(tmp_path / "calm.csv", posts(seed=1))) == []
    assert episodes(write(tmp_path / "happy.csv", posts(seed=1, happy=300))) == []


def test_neither_order_nor_compression_nor_encoding_nor_the_form_of_times_matters(surging, tmp_path):
    rows = posts(surge=120)
    once = episodes(surging)
    assert episodes(write(tmp_path / "newest_first.csv", rows[::-1])) == once
    assert episodes(write(tmp_path / "packed.csv.gz", rows, opened=gzip.open)) == once
    assert episodes(write(tmp_path / "twitter.csv", rows, "%a %b %d %H:%M:%S +0000 %Y")) == once
    assert episodes(write(tmp_path / "epoch.csv", rows, "")) == once
    wide = tmp_path / "excel.csv"
    wide.write_text(surging.read_text(encoding="utf-8"), encoding="utf-16")
    assert episodes(wide) == once


def test_an_episode_that_goes_on_at_the_end_has_no_end(tmp_path):
    rows = [row for row in posts(surge=120) if row[0] <= PEAK]
    assert episodes(write(tmp_path / "cut.csv", rows))[-1]["closed_at"] is None


def test_topics_are_watched_apart(tmp_path):
    rows = sorted(posts(surge=120) + posts(topic="Calm Air", seed=1))
    found = episodes(write(tmp_path / "two.csv", rows), "--topic-column", "topic")
    assert {one["topic"] for one in found} == {"Air Paradis"}


def test_a_flood_of_one_text_counts_once(tmp_path):
    flood = [
        (ONSET + 60 * i, "Air Paradis", "negative", f"@a{i} this airline is a scam click here now") for i in range(120)
    ]
    path = write(tmp_path / "flood.csv", sorted(posts(seed=1) + flood))
    assert episodes(path) == []
    assert len(episodes(path, "--count-copies")) == 1
    assert "119 copies not counted" in replay(path).stderr


def test_an_author_counts_once(tmp_path):
    path = write(tmp_path / "author.csv", posts(surge=120))
    lines = path.read_text(encoding="utf-8").splitlines()
    one = [line.rsplit(",", 1)[0] + ",loud" if "#stranded" in line else line for line in lines]
    path.write_text("\n".join(one), encoding="utf-8")
    assert [e for e in episodes(path, "--author-column", "name") if seconds(e["opened_at"]) >= ONSET] == []


@pytest.mark.parametrize("rule", ["meltwater", "fixed", "share"])
def test_the_rules_of_others_see_a_large_surge_too(tmp_path, rule):
    found = episodes(write(tmp_path / "large.csv", posts(surge=1_500)), "--rule", rule)
    assert any(seconds(one["opened_at"]) <= PEAK < seconds(one["closed_at"] or "2100-01-01T00:00:00Z") for one in found)


def test_a_table_for_people(surging, tmp_path):
    assert "serious" in (shown := replay(surging).stdout) or "critical" in shown
    assert replay(write(tmp_path / "calm.csv", posts(seed=1))).stdout == "No episode.\n"


def test_rows_that_cannot_be_read_are_counted(tmp_path):
    path = write(tmp_path / "dirty.csv", posts(days=2))
    with path.open("a", encoding="utf-8") as file:
        file.write("x,negative,no time,whenever,me\nx,,no label,2015-02-24 10:00:00,me\nx,negative,,2015-02-24,me\n")
        file.write("x,negative,too,many,fields,here,are\n")
    done = replay(path)
    assert "1,440 posts" in done.stderr
    assert "4 rows without" in done.stderr


def test_sentiment140_needs_no_header(tmp_path):
    path = tmp_path / "s140.csv"
    path.write_bytes(
        '"0","1467810369","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","a","caf\xe9 late"\n'.encode("latin-1")
    )
    done = CliRunner().invoke(cli.app, ["replay", "--input", str(path), "--label-column", "target"])
    assert (done.exit_code, done.stdout) == (0, "No episode.\n")


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        ("text,created_at,label\nhi,whenever,0\n", [], "1 rows and none with a time"),
        ("text,created_at,label\nhi,2015-01-01,angry\n", [], "the label 'angry' is not known"),
        ("text,label\nhi,0\n", [], "no column created_at, time, date, timestamp or tweet_created"),
        ("text,created_at,label\nhi,2015-01-01,0\n", ["--text-column", "body"], "has no column 'body'"),
        ("text,created_at,label\nhi,2015-01-01,0\n", ["--rule", "magic"], "--rule is one of vigie, meltwater"),
        ("text,created_at,label\nhi,2015-01-01,0\n", ["--timezone", "Mars/Base"], "--timezone 'Mars/Base'"),
        ("", [], "is empty"),
    ],
)
def test_misuse_is_one_sentence_and_exit_2(tmp_path, content, options, sentence):
    path = tmp_path / "posts.csv"
    path.write_text(content, encoding="utf-8")
    refused = replay(path, *options)
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert refused.stdout == ""


def test_a_file_that_is_not_there_is_exit_2(tmp_path):
    refused = replay(tmp_path / "nowhere.csv")
    assert refused.exit_code == 2
    assert "cannot read" in refused.stderr


def test_a_column_of_texts_is_no_column_of_topics(tmp_path):
    refused = replay(write(tmp_path / "posts.csv", posts(days=2)), "--topic-column", "text")
    assert refused.exit_code == 2
    assert "more than 1,000 topics" in refused.stderr


def test_without_labels_or_a_model_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    path = write(tmp_path / "posts.csv", posts(days=1))
    refused = CliRunner().invoke(cli.app, ["replay", "--input", str(path)])
    assert refused.exit_code == 2
    assert "--label-column" in refused.stderr
    refused = CliRunner().invoke(cli.app, ["replay", "--input", str(path), "--model", str(tmp_path)])
    assert refused.exit_code == 2
    assert "no model in" in refused.stderr


def test_help_shows_an_example():
    assert "vigie-api replay --input tweets.csv" in CliRunner().invoke(cli.app, ["replay", "--help"]).output
