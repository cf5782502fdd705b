"""The shipped recipes in order of cost: the cheap ones first, the ensemble last."""

from typing import TYPE_CHECKING

from vigie_trainer.recipe import load_recipe, recipe_names

if TYPE_CHECKING:
    from vigie_trainer.identity import AnyRecipe

# Those with the same encoder stand together: one encoding of the texts serves them all.
_FEATURES = ("tfidf", "glove", "word2vec", "use", "distilbert")
_CLASSIFIERS = ("logreg", "mlp", "lgbm", "rf")
_NETWORKS = ("bilstm", "bert")


def shipped_recipes() -> "list[AnyRecipe]":
    """Every recipe that comes with Vigie, cheap first.

    Raises:
        RecipeError: one of them is not sound.
    """
    return sorted((load_recipe(name) for name in recipe_names()), key=cost)


def cost(recipe: "AnyRecipe") -> tuple[int, int, int, str]:
    """A key to sort recipes by: classical ones, networks, ensembles; then what they read, then what they learn with."""
    document = recipe.model_dump()
    if "members" in document:
        return 2, 0, 0, recipe.name
    if "network" in document:
        return 1, _rank(document["network"]["kind"], _NETWORKS), 0, recipe.name
    return (
        0,
        _rank(document["features"]["kind"], _FEATURES),
        _rank(document["classifier"]["kind"], _CLASSIFIERS),
        recipe.name,
    )


def _rank(name: str, known: tuple[str, ...]) -> int:
    return known.index(name) if name in known else len(known)
