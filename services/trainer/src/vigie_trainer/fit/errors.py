"""What can go wrong with a fit.

FitError    the rows cannot be learned from; the message is a sentence for a person
"""


class FitError(ValueError):
    """The data cannot be learned from; the message says why."""
