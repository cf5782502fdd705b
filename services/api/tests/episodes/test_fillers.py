"""The rising words say what an episode is about, not how people complain."""

import pytest

from vigie_api.episodes.fillers import FILLERS
from vigie_api.episodes.words import rising_in, words_of
from vigie_api.watch.terms import Usual

USUAL = ["Le personnel était froid", "Siège cassé et wifi en panne", "Rude staff, cold food", "The seat was dirty"] * 20
STRIKE = [
    "Pas de vol, cinq heures d'attente, jamais d'information, c'est la grève",
    "Deux heures au téléphone et toujours rien, vol annulé par la grève",
    "J'ai cinq enfants avec moi et pas une réponse, vol annulé",
    "Five hours here and no answer, still no flight, cancelled, strike",
    "Never again! Two hours, no one, flight cancelled by the strike",
]


def test_fillers_are_no_rising_words_however_often_they_come():
    usual = Usual()
    for text in USUAL:
        usual.add(text)
    found = {one.term for one in rising_in(STRIKE * 4, usual, 30)}
    assert {"grève", "annulé", "strike", "cancelled"} <= found
    assert not found & {"pas", "deux", "cinq", "heures", "two", "five", "hours", "never", "toujours", "c'est", "j'ai"}


@pytest.mark.parametrize(
    "word", ["retard", "annulé", "grève", "perdu", "bagages", "lost", "refund", "late", "cancelled"]
)
def test_what_travellers_complain_about_is_no_filler(word):
    assert word not in FILLERS


def test_an_elided_article_is_no_part_of_a_word():
    found = words_of("L’attente à l'aéroport, qu'elle horreur d'attente, aujourd'hui")
    assert found == {"attente", "aéroport", "elle", "horreur", "aujourd'hui"}


def test_either_apostrophe_makes_the_same_filler():
    assert {"n’est", "n'est", "don’t", "don't"} <= FILLERS
