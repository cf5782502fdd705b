"""POST /v1/predict, /v1/predict/batch and /v1/explain."""

from fastapi import APIRouter, Request

from vigie_api.access.route import JsonRoute, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.prediction.schema import (
    BatchOut,
    BatchRequest,
    ExplainRequest,
    ExplanationOut,
    PredictionOut,
    PredictRequest,
)
from vigie_api.state import services

router = APIRouter(
    prefix="/v1",
    tags=["predictions"],
    route_class=JsonRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@router.post("/predict", openapi_extra=needs("predict"), responses=problems(404, 409, 503))
async def predict(body: PredictRequest, request: Request) -> PredictionOut:
    """Judge one tweet. The answer names the version that judged; keep `id` to say later whether it was right."""
    return await services(request).predictor.one(body.text, body.model_version, body.topic)


@router.post("/predict/batch", openapi_extra=needs("predict"), responses=problems(503))
async def predict_batch(body: BatchRequest, request: Request) -> BatchOut:
    """Judge up to 1,000 tweets with one version, in order."""
    return await services(request).predictor.many(body.texts, body.topic)


@router.post("/explain", openapi_extra=needs("predict"), responses=problems(404, 409, 503))
async def explain(body: ExplainRequest, request: Request) -> ExplanationOut:
    """Judge one tweet and say what each of its words did to the score. Nothing is kept."""
    return await services(request).predictor.explain(body.text, body.model_version)
