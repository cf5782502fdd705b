"""From raw text to clean tokens. Every step is a switch; the same text and switches give the same tokens, for ever.

Cleaning looks at one run of characters between white space at a time, never at its neighbours, so what a run becomes
can be remembered.
"""

import html
import re
import unicodedata
from dataclasses import asdict, dataclass, fields

from vigie_model.errors import ArtifactError
from vigie_model.lemmas import lemma
from vigie_model.tokenizer import is_emoticon, tokenize
from vigie_model.words import NEGATIONS, STOP_WORDS

URL_TOKEN = "<url>"  # noqa: S105 - a word of the vocabulary, no secret
USER_TOKEN = "<user>"  # noqa: S105 - the same

_CACHED_PIECE = 48  # characters; longer pieces are addresses and the like, seldom seen twice
_CACHE_SIZE = 32_768

_UNUSABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b\u200e\u200f\u2028-\u202e\u2060\ufeff\ufffd]+")
_MOJIBAKE = re.compile("[ÂÃâÅï]")
_LONG_REFERENCE = re.compile(r"&#([0-9]{8,});?")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'"})
_URL = re.compile(r"(?:https?:|www\.)|[a-z0-9.\-]+\.[a-z]{2,13}/", re.IGNORECASE)
_DOMAIN = re.compile(
    r"[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.(?:com|net|org|fr|co|uk|info|me|ly|tv|io|us|eu|be|ca|ch)/?", re.IGNORECASE
)
_MENTION = re.compile(r"@\w+")
# A name that is a whole run of characters, and no emoticon at its beginning (@8, @o8). Of ASCII alone, so that what is
# a letter or white space here is one to everybody.
_PLAIN_MENTION = re.compile(r"@(?<!\S@)(?![oO]?8)\w{1,40}(?!\S)", re.ASCII)
_PLAIN_WORD = re.compile(r"[A-Za-z]+[.,!?]*")
_RUN = re.compile(r"(.)\1{2,}")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_CONTRACTION = re.compile(r"([a-z]+)(n't)$", re.IGNORECASE)
_ELISION = re.compile(r"(qu|jusqu|lorsqu|puisqu|quoiqu|[cdjlmnst])'(\w.+|à|y)$", re.IGNORECASE)
_WITH_APOSTROPHE = frozenset(
    ["n't", "n'", "l'", "d'", "j'", "m'", "t'", "s'", "c'", "qu'", "jusqu'", "lorsqu'", "puisqu'", "quoiqu'"]
)


@dataclass(frozen=True, slots=True)
class CleaningOptions:
    """The switches of the cleaning, as the manifest stores them."""

    lowercase: bool = True
    """Lower case, but for emoticons (`:D` is not `:d`)."""
    replace_urls: bool = True
    """An address becomes `<url>`."""
    replace_mentions: bool = True
    """A user name such as `@vigie` becomes `<user>`."""
    unescape_html: bool = True
    """`&amp;` becomes `&`, as often as it was escaped (twice at most)."""
    shorten_elongations: bool = True
    """Three or more of the same character become two: `looove` is `loove`, still not `love`."""
    split_contractions: bool = True
    """`don't` becomes `do` and `n't`; French `l'avion` becomes `l'` and `avion`."""
    remove_special: bool = False
    """Punctuation and signs go; words, numbers, emoji and emoticons stay."""
    remove_stop_words: bool = False
    """English and French function words go; a negation never does."""
    lemmatise: bool = False
    """Words become their dictionary form (English first, else French)."""
    keep_emoji: bool = True
    """Emoji and emoticons stay as tokens."""

    def to_json(self) -> dict[str, bool]:
        """The switches as the manifest stores them."""
        return asdict(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all switches."""
        return tuple(field.name for field in fields(cls))


def cleaning_from_json(value: object) -> CleaningOptions:
    """The switches that a manifest stores. Raises ArtifactError when one is missing, unknown, or not true or false."""
    known = CleaningOptions.names()
    if not isinstance(value, dict):
        raise ArtifactError(f"manifest.json has {value!r} where an object belongs.")
    if set(value) != set(known) or not all(isinstance(switch, bool) for switch in value.values()):
        raise ArtifactError(f"The cleaning switches are {', '.join(known)}, each true or false.")
    return CleaningOptions(**value)


class Cleaner:
    """Turns raw text into tokens under fixed switches. Thread-safe: the memory it keeps is only ever a shortcut."""

    def __init__(self, options: CleaningOptions | None = None) -> None:
        self.options = options or CleaningOptions()
        self._cache: dict[str, tuple[str, ...]] = {}
        self._token_cache: dict[str, tuple[str, ...]] = {}

    def alike(self, text: str) -> str:
        """A text with the same tokens, in which all user names are the same one: most are met once, and need not be
        remembered one by one.
        """
        if "@" in text and self.options.replace_mentions:
            return _PLAIN_MENTION.sub("@x", text)
        return text

    def piece_alike(self, piece: str) -> str:
        """A piece with the same tokens and of the same language, for pieces that differ in the case of letters."""
        return piece.lower() if self.options.lowercase and _PLAIN_WORD.fullmatch(piece) else piece

    def tokens(self, text: str) -> list[str]:
        """The clean tokens of `text`, in order; none of them is empty or holds white space."""
        out: list[str] = []
        piece_tokens = self.piece_tokens
        for piece in text.split():
            out += piece_tokens(piece)
        return out

    def clean(self, text: str) -> str:
        """The clean tokens joined by single spaces."""
        return " ".join(self.tokens(text))

    def piece_tokens(self, piece: str) -> tuple[str, ...]:
        """The clean tokens of one run of characters without white space."""
        known = self._cache.get(piece)
        if known is None:
            known = tuple(self._clean_piece(piece))
            if len(piece) <= _CACHED_PIECE:
                if len(self._cache) >= _CACHE_SIZE:
                    self._cache.clear()
                self._cache[piece] = known
        return known

    def _clean_piece(self, piece: str) -> list[str]:
        out: list[str] = []
        if piece.isascii() and piece.isalpha():  # most pieces are plain words: one token, nothing to mend or replace
            self._clean_word(piece, out)
            return out
        piece = normalise(piece)
        if self.options.unescape_html and "&" in piece:
            for _ in range(2):  # Sentiment140 holds texts that were escaped twice
                piece = normalise(unescape(piece))
        for part in piece.split():
            for token in tokenize(part):
                out += self._token_tokens(token)
        return out

    def _token_tokens(self, token: str) -> tuple[str, ...]:
        """The clean tokens of one token; a new piece is mostly known words and signs in a new company."""
        known = self._token_cache.get(token)
        if known is None:
            out: list[str] = []
            self._clean_token(token, out)
            known = tuple(out)
            if len(token) <= _CACHED_PIECE:
                if len(self._token_cache) >= _CACHE_SIZE:
                    self._token_cache.clear()
                self._token_cache[token] = known
        return known

    def _clean_token(self, token: str, out: list[str]) -> None:
        options = self.options
        if token.isalpha():
            self._clean_word(token, out)
        elif is_emoticon(token) or is_pictograph(token):
            if options.keep_emoji:
                out.append(token)
        elif options.replace_urls and is_url(token):
            out.append(URL_TOKEN)
        elif options.replace_mentions and _MENTION.fullmatch(token):
            out.append(USER_TOKEN)
        else:
            self._clean_word(token, out)

    def _clean_word(self, word: str, out: list[str]) -> None:
        options = self.options
        if options.lowercase:
            word = word.lower()
        if options.shorten_elongations:
            word = _RUN.sub(r"\1\1", word)
        for part in split_contraction(word) if options.split_contractions and "'" in word else (word,):
            if options.remove_special and part.lower() not in _WITH_APOSTROPHE:
                part = _EDGES.sub("", part)
            if not part or (options.remove_stop_words and part.lower() in STOP_WORDS):
                continue
            out.append(lemma(part) if options.lemmatise and part.lower() not in NEGATIONS else part)


def unescape(text: str) -> str:
    """What `html.unescape` gives, for any text: that one fails on a character reference of thousands of digits."""
    return html.unescape(_LONG_REFERENCE.sub(_shortened, text))


def _shortened(reference: re.Match[str]) -> str:
    digits = reference[1].lstrip("0")
    return f"&#{digits or '0'};" if len(digits) <= 7 else "\ufffd"


def normalise(piece: str) -> str:
    """Composed Unicode without control characters or lone surrogates, wrongly decoded UTF-8 mended, one kind of
    apostrophe.

    What cannot be used becomes a space, so the result may hold white space.
    """
    if piece.isascii() and piece.isprintable():
        return piece.replace("`", "'")
    if _MOJIBAKE.search(piece):
        piece = _mend_mojibake(piece)
    piece = _UNUSABLE.sub(" ", piece)
    return unicodedata.normalize("NFC", piece).translate(_APOSTROPHES)


def _mend_mojibake(piece: str) -> str:
    # UTF-8 that was read as Latin-1 or Windows-1252: text that was not almost never makes the way back to valid UTF-8.
    for encoding in ("latin-1", "cp1252"):
        try:
            return piece.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return piece.replace("ï¿½", " ")


def is_url(token: str) -> bool:
    """Whether the token is a web address: a protocol, a host with a path, or a host under a usual top-level domain."""
    return "." in token and (_URL.match(token) is not None or _DOMAIN.fullmatch(token) is not None)


def is_pictograph(token: str) -> bool:
    """Whether the token is an emoji or another picture character (not punctuation, a currency or an operator)."""
    return unicodedata.category(token[0]) == "So" or "\U0001f000" <= token[0] <= "\U0001faff"


def split_contraction(word: str) -> list[str]:
    """`["do", "n't"]` of `don't`, `["l'", "avion"]` of `l'avion`, else the word alone. `aujourd'hui` stays whole."""
    match = _CONTRACTION.match(word)
    if match:
        return list(match.groups())
    match = _ELISION.match(word)
    if match:
        return [match.group(1) + "'", match.group(2)]
    return [word]
