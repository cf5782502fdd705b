"""Words are marked where they stand, as hard as they pulled, whatever the text is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_ui import markup
from vigie_ui.answers import Explanation, Judgement, ModelName, Token
from vigie_ui.i18n import load_catalogue
from vigie_ui.reasons import reasons_view

FRENCH, ENGLISH = load_catalogue("fr"), load_catalogue("en")


def explanation(*tokens: Token, method: str = "linear") -> Explanation:
    judgement = Judgement(sentiment="negative", score=0.1, confidence=0.9, uncertain=False, language="en")
    model = ModelName(name="sentiment", version="3", recipe="tiny")
    return Explanation(prediction=judgement, method=method, base=0.0, tokens=tokens, model=model)


def token(text: str, word: str, contribution: float) -> Token:
    start = text.index(word)
    return Token(text=word, start=start, end=start + len(word), contribution=contribution)


TEXT = "Great crew 😀, but my luggage  is lost"


def test_the_pieces_make_the_text_again_and_the_marks_follow_the_weights():
    words = ("Great", 1.0), ("😀,", 0.5), ("luggage", -0.2), ("lost", -2.0), ("is", 0.01)
    view = reasons_view(explanation(*(token(TEXT, *word) for word in words)), TEXT, ENGLISH)
    assert "".join(piece.text for piece in view.pieces) == TEXT
    marks = {piece.text: (piece.pull, piece.level) for piece in view.pieces if piece.level}
    assert marks == {
        "Great": ("positive", 2),
        "😀,": ("positive", 1),
        "luggage": ("negative", 1),
        "lost": ("negative", 3),
    }


def test_the_weightiest_words_are_named_in_each_direction():
    words = ("Great", 1.0), ("lost", -2.04), ("luggage", -1.0)
    found = explanation(*(token(TEXT, *word) for word in words))
    view = reasons_view(found, TEXT, FRENCH)
    assert view.positive == ("Great (+1,0)",)
    assert view.negative == ("lost (\u22122,0)", "luggage (\u22121,0)")
    assert reasons_view(found, TEXT, ENGLISH).negative[0] == "lost (\u22122.0)"


def test_each_method_is_named():
    linear, occlusion = (reasons_view(explanation(method=method), TEXT, FRENCH) for method in ("linear", "occlusion"))
    assert linear.method != occlusion.method


def test_words_that_do_not_stand_where_they_are_said_to_are_left_out():
    wrong = (
        Token(text="Great", start=1, end=6, contribution=3),
        Token(text="lost", start=900, end=904, contribution=3),
        Token(text="", start=5, end=5, contribution=3),
    )
    assert not any(piece.level for piece in reasons_view(explanation(*wrong), TEXT, FRENCH).pieces)


def test_words_that_overlap_are_marked_once():
    view = reasons_view(explanation(token(TEXT, "Great", 1), token(TEXT, "Great crew", 1)), TEXT, FRENCH)
    assert "".join(piece.text for piece in view.pieces) == TEXT


def test_without_any_weight_nothing_stands_out():
    view = reasons_view(explanation(token(TEXT, "Great", 0.01)), TEXT, ENGLISH)
    assert not any(piece.level for piece in view.pieces)
    assert "no word stands out" in markup.legend(view, ENGLISH)


@pytest.mark.parametrize("hostile", ['<img/src=x/onerror="hacked=1">', "<script>alert(1)</script>", '"onmouseover="x'])
def test_what_people_write_is_never_markup(hostile):
    view = reasons_view(explanation(token(hostile, hostile, -2)), hostile, FRENCH)
    shown = markup.marked(view) + markup.legend(view, FRENCH)
    assert hostile not in shown
    assert "<script" not in shown
    assert "<img" not in shown


def test_a_mark_is_told_by_colour_line_and_number():
    view = reasons_view(explanation(token(TEXT, "Great", 1), token(TEXT, "lost", -1)), TEXT, FRENCH)
    shown = markup.marked(view)
    assert 'class="v-pull v-to-positive v-by-3" title="tire vers le positif, poids +1,0"' in shown
    assert 'class="v-pull v-to-negative v-by-3" title="tire vers le négatif, poids \u22121,0"' in shown


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70), st.floats(-9, 9))))
def test_whatever_comes_the_text_is_shown_whole(text, found):
    tokens = [Token(text=text[a:b], start=a, end=b, contribution=weight) for a, b, weight in found]
    view = reasons_view(explanation(*tokens), text, FRENCH)
    assert "".join(piece.text for piece in view.pieces) == text
