"""The servers that scripts/bench.py compares, each one uvicorn worker with uvloop and httptools."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal


def prepare(folder: Path, recipe: str, data: str | None, rows: int | None) -> None:
    """Train the recipe on the train side of the data; write artifact, pyfunc and held-out texts into `folder`.

    `rows`: on so many of them only. A frozen transformer becomes one that computes in 8 bits.
    """
    import vigie_model
    from vigie_trainer.data.demo import demo_posts
    from vigie_trainer.data.reading import read_labelled
    from vigie_trainer.data.splitting import split
    from vigie_trainer.fit import fit
    from vigie_trainer.recipe import Recipe, TransformerSpec, load_recipe
    from vigie_trainer.tracking.pyfunc_model import save_pyfunc

    sides = split(read_labelled(Path(data)) if data else demo_posts())
    wanted = load_recipe(recipe)
    if isinstance(wanted, Recipe) and isinstance(wanted.features, TransformerSpec):
        smaller = wanted.features.model_copy(update={"precision": "int8", "layers": (-1,)})
        wanted = wanted.model_copy(update={"features": smaller})
    fit(wanted, sides.train.texts[:rows], sides.train.labels[:rows], out=folder / "artifact", trained={})
    save_pyfunc(folder / "pyfunc", folder / "artifact", vigie_model.load(folder / "artifact"))
    texts = [text for text in sides.test.texts if text.strip()]
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")


def serve_vigie(artifact: Path | None, port: int) -> None:
    """Serve the API as `vigie-api serve` does, everything on; with a constant answer when there is no artifact."""
    import tempfile

    from vigie_api.app import create_app
    from vigie_api.champion.serving import Verdict
    from vigie_api.champion.source import FixedSource, load_artifact
    from vigie_api.server import listen, serve
    from vigie_api.settings import Settings

    class Constant:
        cost: Literal["light", "heavy"] = "light"

        def predict_one(self, text: str) -> Verdict:
            return Verdict("positive", 0.75, 0.75, False, "en")

        def predict(self, texts: Sequence[str]) -> list[Verdict]:
            return [self.predict_one(text) for text in texts]

    home = Path(tempfile.mkdtemp(prefix="vigie-bench-home-"))
    settings = Settings(home=home, rate_per_minute=0)
    source = FixedSource(load_artifact(artifact)) if artifact else FixedSource(Constant())
    serve(create_app(settings, model_source=source), settings, listen("127.0.0.1", port))


def echo() -> Any:
    """A bare typed FastAPI route."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class Message(BaseModel):
        text: str

    @app.post("/echo")
    async def answer(message: Message) -> Message:
        return message

    return app


def sklearn_pipeline(artifact: Path) -> Any:
    """scikit-learn's own vectorisers and classifier, with the artifact's weights."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, Pipeline

    import vigie_model

    scorer = vigie_model.load(artifact).scorer
    if (
        not isinstance(scorer, vigie_model.FeatureScorer)
        or not isinstance(scorer.features, vigie_model.TfidfFeatures)
        or not isinstance(scorer.head, vigie_model.LinearHead)
    ):
        raise SystemExit("The scikit-learn contestant knows linear recipes only; leave it out with --only.")
    cleaner = scorer.features.cleaner
    union = []
    for number, block in enumerate(scorer.features.blocks):
        how: dict[str, Any] = {"analyzer": "word", "tokenizer": cleaner.tokens, "token_pattern": None}
        if block.analyzer == "char_wb":
            how = {"analyzer": "char_wb", "preprocessor": cleaner.clean}
        vectoriser = TfidfVectorizer(
            **how, lowercase=False, ngram_range=block.ngrams, vocabulary=list(block.terms), sublinear_tf=block.sublinear
        )
        vectoriser.idf_ = np.asarray(block.idf)
        union.append((str(number), vectoriser))
    classifier = LogisticRegression()
    classifier.coef_ = scorer.head.weights.reshape(1, -1)
    classifier.intercept_ = np.array([scorer.head.intercept])
    classifier.classes_ = np.array([0, 1])
    return Pipeline([("features", FeatureUnion(union)), ("classifier", classifier)])


def plain_sklearn(artifact: Path) -> Any:
    """What one writes first: that pipeline, in a route."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    pipeline = sklearn_pipeline(artifact)
    app = FastAPI()

    class Message(BaseModel):
        text: str

    class Answer(BaseModel):
        score: float

    @app.post("/predict")
    async def answer(message: Message) -> Answer:
        return Answer(score=float(pipeline.predict_proba([message.text])[0, 1]))

    return app


def main() -> None:
    """Prepare, or serve one contestant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["prepare", "vigie", "constant", "echo", "sklearn"])
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--recipe", default="tfidf_logreg")
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.what == "prepare":
        prepare(arguments.artifact, arguments.recipe, arguments.data, arguments.rows)
        return
    if arguments.what in ("vigie", "constant"):
        serve_vigie(arguments.artifact if arguments.what == "vigie" else None, arguments.port)
        return
    import uvicorn

    app = echo() if arguments.what == "echo" else plain_sklearn(arguments.artifact)
    uvicorn.run(app, port=arguments.port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
