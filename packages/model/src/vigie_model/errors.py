"""What can go wrong with an artifact.

ArtifactError   the folder is not an artifact that this library can load or write; the message is a sentence for a
person
"""


class ArtifactError(Exception):
    """An artifact cannot be read or written; the message says which file and what to do."""
