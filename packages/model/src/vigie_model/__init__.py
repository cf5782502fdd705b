"""From raw text to a sentiment score: the artifact format and its runtime.

model = vigie_model.load(folder)
model.predict_one("Merci à l'équipage, vol parfait !")
"""

from vigie_model.artifact import artifact_digest
from vigie_model.calibration import Isotonic, Platt
from vigie_model.cleaning import Cleaner, CleaningOptions
from vigie_model.errors import ArtifactError
from vigie_model.heads import BoosterHead, ForestHead, LinearHead
from vigie_model.language import detect_language
from vigie_model.manifest import Manifest
from vigie_model.model import MAX_TEXT_LENGTH, Model, Prediction, load, save
from vigie_model.pyfunc import pyfunc_source
from vigie_model.tfidf import Block, TfidfFeatures

__all__ = [
    "MAX_TEXT_LENGTH",
    "ArtifactError",
    "Block",
    "BoosterHead",
    "Cleaner",
    "CleaningOptions",
    "ForestHead",
    "Isotonic",
    "LinearHead",
    "Manifest",
    "Model",
    "Platt",
    "Prediction",
    "TfidfFeatures",
    "artifact_digest",
    "detect_language",
    "load",
    "pyfunc_source",
    "save",
]
