"""Vigie's inference API: predictions, feedback, and the champion that serves."""

from importlib.metadata import version

__version__ = version("vigie-api")
