"""Which words made a verdict, as the page shows them: without a word of HTML or Streamlit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vigie_ui.answers import Explanation, Sentiment, Token
from vigie_ui.i18n import Catalogue

STRONG, MEDIUM, SLIGHT = 3, 2, 1
SHARES: Final = ((0.6, STRONG), (0.3, MEDIUM), (0.1, SLIGHT))
FEWEST_LOG_ODDS: Final = 0.05
TOP_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: a word that pulled the verdict, or what stands between.

    `level` 1 to 3 says how hard it pulled, compared to the word that pulled most; 0 is not worth a mark.
    """

    text: str
    pull: Sentiment | None = None
    level: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReasonsView:
    """The text in pieces, and the words that weighed most in each direction, as `word (+1.2)`."""

    pieces: tuple[Piece, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    method: str


def reasons_view(explanation: Explanation, text: str, say: Catalogue) -> ReasonsView:
    """The reasons of one verdict on `text`. Tokens that do not fit the text are left out."""
    tokens = _fitting(explanation.tokens, text)
    most = max((abs(token.contribution) for token in tokens), default=0.0)
    pieces: list[Piece] = []
    at = 0
    for token in tokens:
        if token.start > at:
            pieces.append(Piece(text[at : token.start]))
        pieces.append(_piece(token, most, say))
        at = token.end
    if at < len(text):
        pieces.append(Piece(text[at:]))
    method = "reasons.linear" if explanation.method == "linear" else "reasons.occlusion"
    return ReasonsView(tuple(pieces), _top(tokens, most, 1, say), _top(tokens, most, -1, say), say(method))


def _fitting(tokens: Sequence[Token], text: str) -> list[Token]:
    kept: list[Token] = []
    end = 0
    for token in sorted(tokens, key=lambda token: token.start):
        if end <= token.start < token.end <= len(text) and text[token.start : token.end] == token.text:
            kept.append(token)
            end = token.end
    return kept


def _level(contribution: float, most: float) -> int:
    if abs(contribution) < FEWEST_LOG_ODDS:
        return 0
    return next((level for share, level in SHARES if abs(contribution) >= share * most), 0)


def _pull(contribution: float) -> Sentiment:
    return "positive" if contribution > 0 else "negative"


def _piece(token: Token, most: float, say: Catalogue) -> Piece:
    level = _level(token.contribution, most)
    if not level:
        return Piece(token.text)
    pull = _pull(token.contribution)
    key = "reasons.note_positive" if pull == "positive" else "reasons.note_negative"
    return Piece(token.text, pull, level, say(key, weight=say.signed(token.contribution)))


def _top(tokens: Sequence[Token], most: float, sign: int, say: Catalogue) -> tuple[str, ...]:
    pulling = [t for t in tokens if t.contribution * sign > 0 and _level(t.contribution, most)]
    pulling.sort(key=lambda token: -abs(token.contribution))
    return tuple(
        say("reasons.word", word=token.text, weight=say.signed(token.contribution)) for token in pulling[:TOP_WORDS]
    )
