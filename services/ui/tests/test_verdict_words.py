"""How a prediction is worded, and that what people wrote stays text."""

import pytest

from vigie_ui import markup
from vigie_ui.client import ApiError, ModelName, Prediction, Reason
from vigie_ui.i18n import load_catalogue
from vigie_ui.notices import KEYS, OBSCURE, notice_of
from vigie_ui.verdict import copyable, opposite, sureness_of, verdict_view

FR = load_catalogue("fr")
HOSTILE = '<script>alert(1)</script> **bold** [x](javascript:alert(1)) :smile: $x$ "> {text}'


def prediction(**changes):
    model = ModelName(name="sentiment", version="3", recipe="tfidf_logreg")
    fields = {
        "id": "p",
        "sentiment": "positive",
        "score": 0.93,
        "confidence": 0.93,
        "uncertain": False,
        "language": "fr",
    }
    return Prediction(**(fields | {"model": model} | changes))


@pytest.mark.parametrize(
    ("confidence", "uncertain", "sureness"),
    [
        (0.99, False, "sure"),
        (0.90, False, "sure"),
        (0.89, False, "fairly_sure"),
        (0.51, False, "fairly_sure"),
        (0.95, True, "hesitant"),
    ],
)
def test_sureness_follows_the_band_first_and_then_the_confidence(confidence, uncertain, sureness):
    assert sureness_of(prediction(confidence=confidence, uncertain=uncertain)) == sureness


def test_each_sentiment_has_its_opposite():
    assert opposite(opposite("positive")) == "positive" != opposite("positive")


def test_an_unknown_language_is_called_unknown():
    assert verdict_view(prediction(language="und"), "t", FR).language == "indéterminée"
    assert verdict_view(prediction(language="xx"), "t", FR).language == "indéterminée"


def test_the_copied_verdict_holds_the_text_as_it_was_and_everything_said_of_it():
    view = verdict_view(prediction(), HOSTILE, FR)
    copied = copyable(view, FR)
    for part in (HOSTILE, "Positif", "93\u00a0%", "sûr", "français", "version\u00a03", "tfidf_logreg"):
        assert part in copied


@pytest.mark.parametrize(
    "build",
    [lambda view: markup.verdict_card(view, FR), lambda view: markup.history_row(view.text, "positive", "l", "j")],
)
def test_hostile_text_is_escaped_wherever_it_is_shown(build):
    html = build(verdict_view(prediction(), HOSTILE, FR))
    assert "<script" not in html
    assert '"> {text}' not in html
    assert "&lt;script&gt;" in html


def test_what_the_api_says_of_itself_is_escaped_too():
    model = ModelName(name="<b>", version="<i>", recipe="<u>")
    html = markup.verdict_card(verdict_view(prediction(model=model), "t", FR), FR)
    assert not {"<b>", "<i>", "<u>"} & set(html.replace(">", "> ").split())
    assert "<img onerror" not in markup.message("bad", "<img onerror=x>", "<img onerror=x>", "<img onerror=x>")


def test_the_meter_speaks():
    html = markup.verdict_card(verdict_view(prediction(), "t", FR), FR)
    assert 'role="meter"' in html
    assert 'aria-valuenow="93"' in html
    assert 'aria-valuetext="93\u00a0%, sûr"' in html


def test_every_reason_has_its_words():
    assert set(KEYS) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_notice_says_what_happened_and_what_to_do(reason):
    notice = notice_of(ApiError(reason, request_id="r1"), FR)
    assert notice.title
    assert notice.text
    assert (notice.reference is not None) == (reason in OBSCURE)
    assert notice.title in markup.notice_card(notice).replace("&#x27;", "'")


def test_only_the_model_getting_ready_is_told_calmly():
    calm = {reason for reason in Reason if notice_of(ApiError(reason), FR).preparing}
    assert calm == {Reason.NO_MODEL}
