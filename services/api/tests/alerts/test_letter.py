"""The e-mail: says the thing in French or English, and a hostile tweet stays a quotation."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from vigie_api.alerts.letter import Letters, harmless
from vigie_api.alerts.schema import AlertOut
from vigie_api.alerts.wording import NAMES, WORDS, day_and_time, duration

START = datetime(2026, 11, 22, 8, 14, 5, tzinfo=UTC)
ID = "019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"
MESSAGE_ID = f"<{ID}.opened@example.org>"


def verdict(text, number=0):
    return {
        "feedback_id": f"f{number}",
        "prediction_id": f"p{number}",
        "text": text,
        "sentiment": "positive",
        "correction": "negative",
        "model_version": "7",
        "received_at": (START - timedelta(seconds=67 * (2 - number))).isoformat(),
        "taken_back": False,
    }


def alert(evidence, kind="misprediction", count=3):
    return AlertOut(
        id=ID,
        kind=kind,
        state="open",
        opened_at=START,
        updated_at=START,
        model_version="7",
        count=count,
        evidence=evidence,
        emails=[],
        acknowledged_at=None,
        acknowledged_by=None,
        note=None,
    )


def burst(*texts):
    return alert({"window_s": 300.0, "verdicts": [verdict(text, number) for number, text in enumerate(texts)]})


def letters(language="fr", public_url="https://vigie.example.org/"):
    return Letters(
        sender="Vigie <vigie@example.org>",
        recipients=("Équipe <marketing@example.org>", "ops@example.org"),
        language=language,
        zone=ZoneInfo("Europe/Paris"),
        public_url=public_url,
    )


def read(raw):
    message = message_from_bytes(raw, policy=modern)
    return message, message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


TWEETS = ("Super, encore un retard…", "Bagage perdu, merci !", "Bravo pour l'attente")


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        (
            "fr",
            "[Vigie] 3 prédictions jugées fausses en moins de 5 minutes",
            [
                "3 prédictions jugées fausses en 2 min 14 s",
                "22 novembre 2026 à 09:14:05 (UTC+01:00)",
                "positif",
                "négatif",
            ],
        ),
        (
            "en",
            "[Vigie] 3 predictions judged wrong in less than 5 minutes",
            [
                "3 predictions judged wrong in 2 min 14 s",
                "22 November 2026, 09:14:05 (UTC+01:00)",
                "positive",
                "negative",
            ],
        ),
    ],
)
def test_it_says_what_was_predicted_what_people_say_which_version_and_where_to_look(language, subject, said):
    message, text, html = read(letters(language).write(burst(*TWEETS), MESSAGE_ID))
    assert (message["Subject"], message["Message-ID"]) == (subject, MESSAGE_ID)
    assert message["To"] == "Équipe <marketing@example.org>, ops@example.org"
    link = f"https://vigie.example.org/alertes?alert={ID}"
    for body in (text, html):
        assert link in body
        for words in (*said, "version 7", "Bagage perdu, merci !", "09:11:51"):
            assert words in body.replace("&#39;", "'"), words


def test_both_languages_have_the_same_words():
    assert WORDS["fr"].keys() == WORDS["en"].keys()
    assert NAMES["fr"].keys() == NAMES["en"].keys()


def test_a_trial_says_that_it_is_one_and_speaks_of_no_alert():
    message, text, html = read(letters().write_trial(MESSAGE_ID, START))
    assert message["Subject"] == "[Vigie] message d’essai"
    for body in (text, html):
        assert "vigie-api mail test" in body
        assert "reste ouverte" not in body


HOSTILE = [
    '<script>alert(1)</script><img src=x onerror="alert(1)"></td></table>',
    "a\r\nBcc: everyone@example.org\r\n\r\n.\r\nMAIL FROM:<x>",
    "{{ 7 * 7 }} {% include 'x' %} %(count)s {count}",
    "\u202ereversed\u2066 \x00\x07\ud7ff\U000e0041",
    "voir https://evil.example/a?b=c et www.evil.example ou me@evil.example",
    "--vigie-0\r\n" * 3,
    "mot" * 4_000,
]


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found, self.links = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src", "background")]
        assert not any(name.startswith("on") for name, _ in attributes)


@pytest.mark.parametrize("tweet", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_tweet_is_quoted_and_does_nothing(tweet):
    message, text, html = read(letters().write(burst(tweet, tweet, tweet), MESSAGE_ID))
    calm, _, calm_html = read(letters().write(burst(*TWEETS), MESSAGE_ID))
    assert message.keys() == calm.keys()
    assert {name: message[name] for name in set(message.keys()) - {"Content-Type"}} == {
        name: calm[name] for name in set(calm.keys()) - {"Content-Type"}
    }
    assert Tags(html).found == Tags(calm_html).found
    assert Tags(html).links == [f"https://vigie.example.org/alertes?alert={ID}"]
    assert len([part for part in message.walk() if not part.is_multipart()]) == 2
    for body in (text, html):
        assert "https://evil" not in body
        assert "\u202e" not in body
    assert len(html) < 12_000


@given(st.text(max_size=80))
def test_whatever_the_tweet_says_it_stays_on_its_line(tweet):
    shown = harmless(tweet)
    assert "\n" not in shown
    assert "\r" not in shown
    assert shown.isascii() or shown.encode("utf-8", errors="strict")


ONE = letters()


@examples(deadline=None, max_examples=50)
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_the_message_is_plain_ascii_with_short_lines_as_every_server_takes_it(tweet):
    raw = ONE.write(burst(tweet, tweet, tweet), MESSAGE_ID)
    raw.decode("ascii")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_written_again_it_is_the_same_byte_for_byte():
    assert letters().write(burst(*TWEETS), MESSAGE_ID) == letters().write(burst(*TWEETS), MESSAGE_ID)


def test_an_alert_that_grew_meanwhile_still_mails_its_first_three():
    grown = burst(*TWEETS, "quatrième", "cinquième").model_copy(update={"count": 5})
    message, text, _ = read(letters().write(grown, MESSAGE_ID))
    assert "3 prédictions" in message["Subject"]
    assert "quatrième" not in text


def test_a_rule_of_five_says_five_and_quotes_the_first_three():
    five = burst(*TWEETS, "quatrième", "cinquième", "plus tard").model_copy(update={"count": 6})
    five.evidence["burst"] = 5
    message, text, html = read(letters().write(five, MESSAGE_ID))
    assert "5 prédictions" in message["Subject"]
    assert "5 prédictions jugées fausses en 4 min 28 s" in text
    for body in (text, html):
        assert "attente" in body
        assert "quatrième" not in body
        assert "burst" not in body


def test_a_prediction_judged_anew_before_the_mail_went_does_not_turn_the_time_around():
    again = burst(*TWEETS)
    again.evidence["verdicts"][0]["received_at"] = (START + timedelta(minutes=10)).isoformat()
    _, text, _ = read(letters().write(again, MESSAGE_ID))
    assert "3 prédictions jugées fausses en 11 min 7 s" in text


def test_a_text_that_nobody_knows_any_more_is_said_to_be_missing():
    forgotten = burst(*TWEETS)
    forgotten.evidence["verdicts"][0] |= {"text": None, "sentiment": None, "correction": None}
    _, text, html = read(letters().write(forgotten, MESSAGE_ID))
    for body in (text, html):
        assert "(texte indisponible)" in body
        assert "inconnu" in body


def test_without_an_address_of_the_page_there_is_no_link():
    _, text, html = read(letters(public_url=None).write(burst(*TWEETS), MESSAGE_ID))
    assert "http" not in text
    assert Tags(html).links == []


def test_a_drift_alert_shows_its_measures():
    evidence = {
        "day": "2026-11-22",
        "predictions": 1_200,
        "measures": [{"name": "score", "value": 0.31234, "threshold": 0.25}],
    }
    message, text, html = read(letters().write(alert(evidence, "drift", 1), MESSAGE_ID))
    assert "ne ressemblent plus" in message["Subject"]
    for body in (text, html):
        assert all(word in body for word in ("Score", "0,312", "0,25", "Jour", "2026-11-22", "1200"))


@pytest.mark.parametrize("kind", ["surge", "operations"])
def test_other_kinds_show_what_their_evidence_says(kind):
    _, text, _ = read(letters("en").write(alert({"topic": "Air Paradis", "nested": {"a": 1}}, kind, 1), MESSAGE_ID))
    assert "Air Paradis" in text
    assert "nested" not in text


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (0, "0 seconde", "0 seconds"),
        (1, "1 seconde", "1 second"),
        (45.4, "45 secondes", "45 seconds"),
        (60, "1 minute", "1 minute"),
        (134, "2 min 14 s", "2 min 14 s"),
        (300, "5 minutes", "5 minutes"),
        (3_600, "1 h", "1 h"),
        (3_900, "1 h 5 min", "1 h 5 min"),
    ],
)
def test_durations_are_written_as_people_say_them(seconds, french, english):
    assert (duration(seconds, "fr"), duration(seconds, "en")) == (french, english)


def test_the_first_of_a_month_is_le_premier():
    assert day_and_time(datetime(2026, 8, 1, tzinfo=UTC), "fr") == "1er août 2026 à 00:00:00 (UTC+00:00)"
