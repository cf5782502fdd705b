"""From raw text to a sentiment score: the artifact format and its runtime.

model = vigie_model.load(folder)
model.predict_one("Merci à l'équipage, vol parfait !")
"""

from vigie_model.artifact import artifact_digest
from vigie_model.calibration import ByLanguage, Calibration, Isotonic, Platt
from vigie_model.cleaning import Cleaner, CleaningOptions
from vigie_model.ensemble import Combiner, EnsembleScorer
from vigie_model.errors import ArtifactError
from vigie_model.explain import TokenContribution
from vigie_model.features import Features
from vigie_model.heads import BoosterHead, ForestHead, Head, LinearHead, MlpHead
from vigie_model.language import LANGUAGES, detect_language
from vigie_model.manifest import Manifest
from vigie_model.model import MAX_TEXT_LENGTH, Explanation, Model, Prediction, load, save
from vigie_model.network import NetworkScorer
from vigie_model.plain import plain_text
from vigie_model.pyfunc import pyfunc_source
from vigie_model.reference import Bins, Reference, known_words, read_reference
from vigie_model.reference import describe as describe_reference
from vigie_model.reference import row_of as reference_row
from vigie_model.saved_model import SavedModelFeatures
from vigie_model.scorers import FeatureScorer, Scorer
from vigie_model.sequences import Tokens, WordIndex, WordPieces
from vigie_model.tfidf import Block, TfidfFeatures
from vigie_model.transformer import TransformerFeatures
from vigie_model.use import UseFeatures
from vigie_model.word_vectors import WordVectorFeatures

__all__ = [
    "LANGUAGES",
    "MAX_TEXT_LENGTH",
    "ArtifactError",
    "Bins",
    "Block",
    "BoosterHead",
    "ByLanguage",
    "Calibration",
    "Cleaner",
    "CleaningOptions",
    "Combiner",
    "EnsembleScorer",
    "Explanation",
    "FeatureScorer",
    "Features",
    "ForestHead",
    "Head",
    "Isotonic",
    "LinearHead",
    "Manifest",
    "MlpHead",
    "Model",
    "NetworkScorer",
    "Platt",
    "Prediction",
    "Reference",
    "SavedModelFeatures",
    "Scorer",
    "TfidfFeatures",
    "TokenContribution",
    "Tokens",
    "TransformerFeatures",
    "UseFeatures",
    "WordIndex",
    "WordPieces",
    "WordVectorFeatures",
    "artifact_digest",
    "describe_reference",
    "detect_language",
    "known_words",
    "load",
    "plain_text",
    "pyfunc_source",
    "read_reference",
    "reference_row",
    "save",
]
