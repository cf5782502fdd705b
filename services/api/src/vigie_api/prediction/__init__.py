"""Texts in, verdicts out, and the record of both."""
