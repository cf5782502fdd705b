"""Words that say nothing of what an episode is about, however much more often they come than usual.

The stop words of `vigie_model` are left out already where terms are counted. These are the ones that a classifier needs
and a reader of ten words does not: negations, numbers, units of time, greetings, and the verbs and adverbs of every
complaint.
"""

from typing import Final

from vigie_model.words import NEGATIONS

_ENGLISH: Final = """
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty hundred thousand
    first second third last next half seconds minute minutes min mins hour hours day days week weeks month months
    year years today tonight tomorrow yesterday now morning evening night time times
    still again always even already ever yet really very too much many lot lots thing things way ok okay please pls
    plz thanks thank thx hello hey hi dear sorry lol omg wow yes well right sure maybe also another else back
    get gets got getting go goes going gone went make makes made take took taken want wants wanted need needs say says
    said tell told give gave given come comes came keep kept let put see saw seen know knew think thought like look
    don't can't won't isn't wasn't aren't weren't didn't doesn't hasn't haven't hadn't couldn't wouldn't shouldn't
    gonna wanna cause around since till within onto upon every everyone everything anyone anything someone something
    """

_FRENCH: Final = """
    deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze vingt trente quarante cinquante
    soixante cent mille premier première deuxième troisième dernier dernière seconde secondes minute minutes heure
    heures jour jours journée semaine semaines mois année années ans aujourd'hui demain hier matin soir nuit maintenant
    fois moment encore toujours déjà enfin vraiment très trop bien beaucoup peu assez tellement tant juste surtout
    aussi alors ainsi ici là-bas voilà voici quoi comment pourquoi combien chaque autre autres certains plusieurs
    quelque quelques quelqu'un chose choses truc gens merci svp stp bonjour bonsoir salut bravo bref oui mdr ptdr lol
    c'est c'était j'ai j'avais j'en j'y j'suis n'ai n'est n'a n'ont n'en n'avez n'était s'est s'il m'a m'ont t'as l'ai
    l'a qu'on qu'il qu'elle qu'ils qu'un qu'une d'un d'une d'être d'avoir jusqu'à lorsqu'on
    chez depuis après avant vers car sinon contre entre selon malgré
    faire fais fait faites font faudrait faut dire dit dis disent aller vais vas allez vont peux peut peuvent pouvez
    pouvoir veux veut voulez vouloir dois doit doivent devez voir vois voit vu mettre mis met prendre pris rendre passe
    passé reste trouve sait savoir donne donner arrive être avoir étaient serait était aurait allait
    """

_WORDS: Final = frozenset(f"{_ENGLISH} {_FRENCH}".split()) | NEGATIONS
FILLERS: Final = _WORDS | {word.replace("'", "’") for word in _WORDS}
"""In small letters, with either apostrophe."""
