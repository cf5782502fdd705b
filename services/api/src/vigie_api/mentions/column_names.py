"""The columns of a file of posts, guessed from what French and English tools call them.

Names are compared without case, accents and punctuation: `Date de publication` is `date_de_publication`. A column that
only might be the one is not taken: a bare `id` is often the number of the row, and two exports with the same numbers
would be taken for the same posts.
"""

import re
import unicodedata
from typing import Final

from vigie_api.replay.reading import TEXT_NAMES, TIME_NAMES

_FRENCH: Final = {
    "text": ("texte", "message", "contenu", "commentaire", "publication", "verbatim", "avis"),
    "time": ("date_de_publication", "date_publication", "date_heure", "date_et_heure", "publie_le", "horodatage"),
    "hour": ("heure", "heure_de_publication", "heure_publication"),
    "topic": ("sujet", "marque", "thematique"),
    "id": (),
    "author": ("auteur", "autrice", "auteur_autrice", "utilisateur", "nom_d_utilisateur", "pseudo", "compte"),
    "reach": ("portee", "audience", "impressions", "vues"),
    "url": ("lien", "permalien"),
    "source": ("reseau", "reseau_social", "plateforme", "canal"),
}
_ENGLISH: Final = {
    "text": (*TEXT_NAMES, "content", "post", "body"),
    "time": (*TIME_NAMES, "datetime", "published_at", "posted_at"),
    "hour": ("hour", "time"),
    "topic": ("topic", "brand"),
    "id": ("external_id", "tweet_id", "post_id", "status_id"),
    "author": ("author", "user", "username", "user_name", "screen_name", "handle"),
    "reach": ("reach", "views"),
    "url": ("url", "link", "permalink"),
    "source": ("source", "network", "platform"),
}
USUAL: Final = {what: _ENGLISH[what] + _FRENCH[what] for what in _ENGLISH}
"""What each column is called, by what it holds; the first that a file has is taken."""
_BOTH: Final = frozenset({"message", "publication", "audience", "impressions"})
"""French names that are English ones, too."""
_ONLY_DAYS: Final = frozenset({"date"})
_BETWEEN: Final = re.compile(r"[^a-z0-9]+")


def folded(name: str) -> str:
    """A name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return _BETWEEN.sub("_", plain).strip("_")


def guess(names: list[str], what: str, *, taken: frozenset[str] = frozenset()) -> str | None:
    """The column that holds this, or None; never one that is `taken` already."""
    by_name = {folded(name): name for name in reversed(names) if name not in taken}
    return next((by_name[usual] for usual in USUAL[what] if usual in by_name), None)


def guess_time(names: list[str], *, taken: frozenset[str] = frozenset()) -> tuple[str | None, str | None]:
    """The columns of the day and of the hour of a post; without the second, the first holds both."""
    day = next((name for name in names if folded(name) in _ONLY_DAYS and name not in taken), None)
    whole = guess(names, "time", taken=taken)
    if day is None or whole is None or folded(whole) not in ("time", *_ONLY_DAYS):
        return whole, None
    return day, guess(names, "hour", taken=taken | {day})


def is_french(names: list[str]) -> bool:
    """Whether a header is French, and so 3/4 the third of April."""
    found = {folded(name) for name in names}
    return any(name in found for usual in _FRENCH.values() for name in usual if name not in _BOTH)
