"""English and French word lists: stop words, negations, and the function words by which a language is told.

Function words are a closed class of a language, so short lists are enough. Negations are kept apart because they turn
a verdict around: no switch ever removes one.
"""

_NEGATIONS = """
    no not n't never none nobody nothing neither nor nowhere without cannot hardly barely scarcely
    dont cant wont isnt wasnt arent werent didnt doesnt hasnt havent hadnt couldnt wouldnt shouldnt aint nope
    ne n' pas non jamais rien aucun aucune nul nulle ni sans guère personne point plus
    """

_ENGLISH = """
    a about above after again all am an and any are as at be because been before being below between both but by can
    could did do does doing down during each few for from further had has have having he her here hers herself him
    himself his how i if in into is it its itself just me more most my myself of off on once only or other our ours
    ourselves out over own same she should so some such than that the their theirs them themselves then there these
    they this those through to too under until up very was we were what when where which while who whom why will with
    would you your yours yourself yourselves 'm 's 're 've 'll 'd i'm i've i'll i'd it's you're you've you'll he's
    she's we're we've they're that's there's let's im ive youre thats
    """

_FRENCH = """
    à au aux avec c' ce cet cette ces ça cela ceci ci celui celle ceux celles comme d' dans de des du donc dont elle
    elles en entre est et étaient étais était étant été êtes être eu eue eux fait furent fus fut il ils j' je l' la là
    le les leur leurs lui m' ma mais me même mes moi mon n'y nos notre nous on ont ou où par parce pendant pour puis
    puisque qu' quand que quel quelle quelles quels qui quoi s' sa se sera serai seront ses si soi soit sommes son
    sont sous suis sur t' ta te tes toi ton tous tout toute toutes tu un une vos votre vous y ai as avons avez avait
    avais avaient aura aurai auront aurait ayant
    """

NEGATIONS = frozenset(_NEGATIONS.split())
STOP_WORDS = (frozenset(_ENGLISH.split()) | frozenset(_FRENCH.split())) - NEGATIONS

# Words that a language uses all the time, or that a traveller does. A word of both lists says nothing (on, me, son,
# dont …).
_ENGLISH_USUAL = """
    no not n't never nothing without get got go going good great bad new now day today time know like love hate want
    really please thanks thank need back work still see think happy sad sorry nice best worst better awesome amazing
    lovely easy gross everyone people way home night flight flights airline airlines crew staff seat seats delay
    delayed cancelled canceled luggage bag bags gate plane airport
    """
_FRENCH_USUAL = """
    ne n' pas non jamais rien aucun aucune sans plus très trop bien merci bonjour aussi alors encore toujours vraiment
    jour jours depuis bon bonne bons bonnes mauvais mauvaise nul nulle beau belle heure heures matin soir hier demain
    franchement quelqu' lundi mardi mercredi jeudi vendredi samedi dimanche vol vols avion bagage bagages retard
    compagnie équipage client accueil siège sièges repas voyage
    """
_NO_SIGN = frozenset(("a", "as", "me", "on", "son", "do", "an", "us", "si", "ton", "ma", "moi", "ni", "dont"))

ENGLISH_MARKS = (frozenset(_ENGLISH.split()) | frozenset(_ENGLISH_USUAL.split())) - _NO_SIGN
FRENCH_MARKS = (frozenset(_FRENCH.split()) | frozenset(_FRENCH_USUAL.split())) - _NO_SIGN
