"""What the routes of other protocols take and give, for the OpenAPI document and, of the tensors, for reading them."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from vigie_api.prediction.schema import Language, Sentiment

MAX_NAME_CHARS: Final = 256
MAX_OUTPUTS: Final = 16


class MlflowRow(BaseModel):
    """A verdict as the logged model gives it: one row of its data frame."""

    sentiment: Sentiment
    score: float = Field(ge=0, le=1)
    confidence: float = Field(ge=0.5, le=1)
    uncertain: bool
    language: Language


class MlflowPredictions(BaseModel):
    """What MLflow's scoring protocol answers."""

    predictions: list[MlflowRow]


class MlflowBody(BaseModel):
    """Exactly one of the four, in which the texts are the column `text`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"dataframe_split": {"columns": ["text"], "data": [["Lost my bag again."], ["Merci !"]]}},
                {"dataframe_records": [{"text": "Lost my bag again."}]},
                {"instances": ["Lost my bag again."]},
                {"inputs": {"text": ["Lost my bag again."]}},
            ]
        }
    )

    dataframe_split: dict[str, Any] | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: Any = None
    inputs: Any = None
    params: dict[str, Any] | None = Field(None, description="Taken and left aside: the model has none.")


class Live(BaseModel):
    """The process answers."""

    live: Literal[True] = True


class ServerReady(BaseModel):
    """A model is loaded."""

    ready: Literal[True] = True


class ModelReady(BaseModel):
    """This model is loaded."""

    name: str
    ready: Literal[True] = True


class ServerMetadata(BaseModel):
    """What answers, and which extensions of the protocol it knows."""

    name: str = "vigie"
    version: str
    extensions: list[str] = ["binary_tensor_data"]


class TensorMetadata(BaseModel):
    """A tensor that the model takes or gives. -1 is any length."""

    name: str
    datatype: Literal["BYTES", "FP64", "BOOL"]
    shape: list[int] = [-1]


class ModelMetadata(BaseModel):
    """The model as the protocol describes one."""

    name: str
    versions: list[str] = Field(description="The version that serves; none while nothing is loaded.")
    platform: str = "vigie_artifact"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class RequestTensor(BaseModel):
    """The texts. With `parameters.binary_data_size` they follow the JSON, each behind its length (4 bytes, little)."""

    name: str = Field(max_length=MAX_NAME_CHARS, examples=["text"])
    datatype: str = Field(max_length=MAX_NAME_CHARS, examples=["BYTES"])
    shape: list[int] = Field(description="[n] or [n, 1]; the answer has the same.", examples=[[2]])
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = Field(None, examples=[["Lost my bag again.", "Merci, vol parfait !"]])


class RequestedOutput(BaseModel):
    """An output that is wanted."""

    name: str = Field(max_length=MAX_NAME_CHARS, examples=["score"])
    parameters: dict[str, Any] | None = None


class InferenceRequest(BaseModel):
    """A request of the Open Inference Protocol: one BYTES tensor `text`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "7",
                    "inputs": [
                        {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["Lost my bag again.", "Merci !"]}
                    ],
                    "outputs": [{"name": "sentiment"}, {"name": "score"}],
                }
            ]
        }
    )

    id: str | None = Field(None, max_length=MAX_NAME_CHARS, description="Comes back in the answer.")
    parameters: dict[str, Any] | None = None
    inputs: list[RequestTensor] = Field(max_length=MAX_OUTPUTS)
    outputs: list[RequestedOutput] | None = Field(
        None,
        max_length=MAX_OUTPUTS,
        description="Of sentiment, score, confidence, uncertain, language (all five when left out), and "
        "prediction_id, which POST /v1/feedback asks for.",
    )


class ResponseTensor(BaseModel):
    """One output for all texts, in their order."""

    name: str
    datatype: Literal["BYTES", "FP64", "BOOL"]
    shape: list[int]
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = Field(None, description="Left out when the values follow the JSON in binary.")


class InferenceResponse(BaseModel):
    """An answer of the Open Inference Protocol."""

    model_name: str
    model_version: str
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[ResponseTensor]
