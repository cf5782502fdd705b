"""English, French, or neither."""

import pytest

from vigie_model import detect_language


@pytest.mark.parametrize(
    "text",
    [
        "My flight was cancelled and nobody answers.",
        "Not good at all",
        "I can't believe it",
        "Thank you so much!",
        "worst airline ever",
        "@AirParadis where is my luggage? http://t.example/fr",
    ],
)
def test_short_english_sentences_are_english(text: str):
    assert detect_language(text) == "en"


@pytest.mark.parametrize(
    "text",
    [
        "Merci à l'équipage, vol parfait !",
        "Je suis content d'être ici !",
        "C'est nul, plus jamais",
        "vol annulé",
        "Bagage perdu depuis trois jours",
        "J'ai adoré",
        "Câ€™est trÃ¨s bien",
    ],
)
def test_short_french_sentences_are_french(text: str):
    assert detect_language(text) == "fr"


@pytest.mark.parametrize(
    "text", ["", "   ", "👍👍", "@someone http://x.example/the", "12345 !!", "\x00", "\ud800", "#theflight"]
)
def test_what_gives_no_sign_is_undetermined(text: str):
    assert detect_language(text) == "und"


def test_repeating_a_text_does_not_change_its_language():
    assert detect_language("le vol was not annulé " * 50) == detect_language("le vol was not annulé")
