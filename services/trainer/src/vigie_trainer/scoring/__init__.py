"""How good a model's scores are: metrics, curves, pictures, mistakes."""
