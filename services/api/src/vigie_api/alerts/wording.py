"""The words of the e-mails, in French and English: the same keys in both."""

from datetime import datetime
from typing import Final, Literal

Language = Literal["fr", "en"]

WORDS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "positive": "positif",
        "negative": "négatif",
        "unknown": "inconnu",
        "misprediction.subject": "{count} prédictions jugées fausses en moins de {window}",
        "misprediction.title": "{count} prédictions jugées fausses en {span}",
        "misprediction.lead": "Des personnes viennent de corriger {count} prédictions du modèle. "
        "Il se trompe peut-être sur un sujet nouveau.",
        "drift.subject": "les tweets ne ressemblent plus à ceux de l’entraînement",
        "drift.title": "Les tweets ont changé",
        "drift.lead": "Ce qui arrive s’écarte de ce que le modèle a appris : ses prédictions sont moins sûres.",
        "surge.subject": "une vague de tweets négatifs",
        "surge.title": "Une vague de tweets négatifs",
        "surge.lead": "Les tweets négatifs sont plus nombreux que d’habitude.",
        "operations.subject": "le service demande votre attention",
        "operations.title": "Le service demande votre attention",
        "operations.lead": "Voici ce qui a été constaté.",
        "predicted": "Prédit",
        "corrected": "Corrigé",
        "judged": "Jugé faux à",
        "model": "Modèle",
        "version": "version {version}",
        "opened": "Alerte ouverte",
        "sent": "Envoyé",
        "colon": "\u00a0: ",
        "decimal": ",",
        "no_text": "(texte indisponible)",
        "measure": "Mesure",
        "value": "Valeur",
        "threshold": "Seuil",
        "button": "Voir l’alerte",
        "button.surge": "Voir l’épisode",
        "began": "Commencé vers",
        "about": "On y parle surtout de",
        "why": "Vous recevez ce message parce que votre adresse figure dans les réglages d’alerte de Vigie.",
        "stays": "L’alerte reste ouverte jusqu’à ce que quelqu’un s’en charge.",
        "links_off": "Les liens contenus dans les tweets sont désactivés.",
        "trial.subject": "message d’essai",
        "trial.title": "Le courrier fonctionne",
        "trial.lead": "Ce message d’essai a été demandé avec « vigie-api mail test ». Les alertes arriveront ici.",
    },
    "en": {
        "positive": "positive",
        "negative": "negative",
        "unknown": "unknown",
        "misprediction.subject": "{count} predictions judged wrong in less than {window}",
        "misprediction.title": "{count} predictions judged wrong in {span}",
        "misprediction.lead": "People have just corrected {count} predictions of the model. "
        "It may be wrong about something new.",
        "drift.subject": "tweets no longer look like those it was trained on",
        "drift.title": "Tweets have changed",
        "drift.lead": "What comes in differs from what the model has learned: its predictions are less certain.",
        "surge.subject": "a surge of negative tweets",
        "surge.title": "A surge of negative tweets",
        "surge.lead": "There are more negative tweets than usual.",
        "operations.subject": "the service needs your attention",
        "operations.title": "The service needs your attention",
        "operations.lead": "This is what was noticed.",
        "predicted": "Predicted",
        "corrected": "Corrected",
        "judged": "Judged wrong at",
        "model": "Model",
        "version": "version {version}",
        "opened": "Alert opened",
        "sent": "Sent",
        "colon": ": ",
        "decimal": ".",
        "no_text": "(text not available)",
        "measure": "Measure",
        "value": "Value",
        "threshold": "Threshold",
        "button": "See the alert",
        "button.surge": "See the episode",
        "began": "Began around",
        "about": "It is mostly about",
        "why": "You get this message because your address is in the alert settings of Vigie.",
        "stays": "The alert stays open until somebody takes care of it.",
        "links_off": "Links in tweets are switched off.",
        "trial.subject": "trial message",
        "trial.title": "Mail works",
        "trial.lead": "This trial message was asked for with `vigie-api mail test`. Alerts will arrive here.",
    },
}
# What the evidence of other kinds calls things; a name that is not here is shown as it is.
NAMES: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "day": "Jour",
        "predictions": "Prédictions",
        "score": "Score",
        "length": "Longueur",
        "language": "Langue",
        "vocabulary": "Vocabulaire",
        "topic": "Sujet",
    },
    "en": {
        "day": "Day",
        "predictions": "Predictions",
        "score": "Score",
        "length": "Length",
        "language": "Language",
        "vocabulary": "Vocabulary",
        "topic": "Topic",
    },
}
_MONTHS: Final[dict[Language, str]] = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}


def duration(seconds: float, language: Language) -> str:
    """A span as people say it: 45 secondes, 2 min 14 s, 5 minutes, 1 h 5 min."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3_600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes and rest:
        return f"{minutes} min {rest} s"
    if minutes:
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    plural = whole > 1 or (whole == 0 and language == "en")
    return f"{whole} {'seconde' if language == 'fr' else 'second'}{'s' if plural else ''}"


def day_and_time(at: datetime, language: Language, clock: str = "%H:%M:%S") -> str:
    """An aware time with its zone: 22 novembre 2026 à 09:14:05 (UTC+01:00)."""
    offset = at.strftime("%z")
    month = _MONTHS[language].split()[at.month - 1]
    day = "1er" if language == "fr" and at.day == 1 else str(at.day)
    at_word = " à" if language == "fr" else ","
    return f"{day} {month} {at.year}{at_word} {at:{clock}} (UTC{offset[:3]}:{offset[3:5]})"
