"""Ensembles: stacking of recipes with a logistic regression (Wolpert, 1992)."""
