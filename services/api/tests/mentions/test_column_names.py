"""A file of posts from a French or an English tool is understood without naming its columns."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from vigie_api.mentions.column_names import folded, guess, guess_time, is_french
from vigie_api.mentions.csv_file import Mapping, MentionFile
from vigie_api.replay.errors import Misuse
from vigie_api.replay.times import TimeReader

FRENCH = """N°;Texte;Auteur;Date;Heure;Marque;Source;Portée;Lien
1;Vol annulé, encore;ann;03/04/2026;14h32;Air Paradis;Twitter / X;1200;https://example.org/1
2;Merci au personnel;bob;04/04/2026;9 h;Air Enfer;;;
"""


@pytest.fixture
def read(tmp_path):
    def reading(text, columns=None, *, source=None, topic=None, zone="UTC"):
        path = tmp_path / "posts.csv"
        path.write_text(text, encoding="utf-8")
        file = MentionFile(path, columns or Mapping(), TimeReader(ZoneInfo(zone)), source=source, topic=topic)
        return file, [line.mention for line in file]

    return reading


def test_a_french_export_needs_no_option(read):
    file, (first, second) = read(FRENCH, zone="Europe/Paris")
    assert file.columns == {
        "text": "Texte",
        "time": "Date",
        "hour": "Heure",
        "topic": "Marque",
        "author": "Auteur",
        "reach": "Portée",
        "url": "Lien",
        "source": "Source",
    }
    # The third of April, not the fourth of March: the header is French.
    assert first.created_at == datetime(2026, 4, 3, 12, 32, tzinfo=UTC)
    assert second.created_at == datetime(2026, 4, 4, 7, 0, tzinfo=UTC)
    assert (first.source, first.topic, first.author, first.reach) == ("twitter-x", "Air Paradis", "ann", 1200)
    assert (second.source, second.topic, second.url) == ("csv", "Air Enfer", None)


def test_what_is_said_of_all_posts_goes_before_a_column_that_was_only_guessed(read):
    _, (first, _) = read(FRENCH, source="forum", topic="Bagages")
    assert (first.source, first.topic) == ("forum", "Bagages")
    _, (first, second) = read(FRENCH, Mapping(topic="Marque"), topic="Bagages")
    assert (first.topic, second.topic) == ("Air Paradis", "Air Enfer")


def test_day_and_time_of_an_english_file_are_put_together(read):
    _, (one,) = read("date,time,text,user\n2026-04-03,14:32,Fine,ann\n")
    assert one.created_at == datetime(2026, 4, 3, 14, 32, tzinfo=UTC)
    _, (one,) = read("date,time,text\n2026-04-03 14:32,9:00,Fine\n")
    assert one.created_at == datetime(2026, 4, 3, 14, 32, tzinfo=UTC)


def test_the_number_of_a_row_is_not_taken_for_the_id_of_a_post(read):
    _, (one,) = read("id,date,text\n1,2026-04-03,Fine\n")
    assert len(one.external_id) == 32
    _, (one,) = read("tweet_id,date,text\n1,2026-04-03,Fine\n")
    assert one.external_id == "1"


def test_an_author_that_cannot_be_one_is_left_out_alone(read):
    _, (one,) = read(f"date,text,auteur\n2026-04-03,Bien,{'x' * 201}\n")
    assert (one.text, one.author) == ("Bien", None)


def test_a_file_without_a_text_says_which_names_are_known(read):
    with pytest.raises(Misuse, match=r"no column text, comment.*texte.*--text-column; its columns are date, note"):
        read("date,note\n2026-04-03,Bien\n")


def test_names_are_compared_without_case_accents_and_punctuation():
    assert folded(" Date de  Publication ") == folded("date-de-publication") == "date_de_publication"
    assert guess(["Réseau social", "URL"], "source") == "Réseau social"
    assert guess(["Texte", "text"], "text", taken=frozenset({"text"})) == "Texte"
    assert guess_time(["created_at", "Date", "Heure"]) == ("created_at", None)
    assert guess_time(["time"]) == ("time", None)
    assert guess_time(["note"]) == (None, None)


@pytest.mark.parametrize(("names", "french"), [(["Texte", "Date"], True), (["message", "audience", "date"], False)])
def test_a_header_is_french_by_a_name_that_only_french_has(names, french):
    assert is_french(names) is french
