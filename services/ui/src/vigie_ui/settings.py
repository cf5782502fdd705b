"""What can be set from outside, each by an environment variable `VIGIE_UI_…`."""

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vigie_ui.i18n import Language


class UiSettings(BaseSettings):
    """Settings of the page; every one has a default that fits the embedded mode."""

    model_config = SettingsConfigDict(env_prefix="VIGIE_UI_", env_ignore_empty=True)

    api_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8000"), description="Address of the API, without /v1 at the end."
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Key sent to the API (scopes predict and review; admin only if the page may change the model); "
        "none in the embedded mode.",
    )
    host: str = Field(default="127.0.0.1", description="Address the page listens on.")
    port: int = Field(default=8501, ge=1, le=65535, description="Port the page listens on.")
    language: Language = Field(default="fr", description="Language of the page until the visitor chooses: fr or en.")
    brand: str = Field(default="Air Paradis", min_length=1, max_length=40, description="Name shown beside the logo.")
    timeout_s: float = Field(default=15.0, gt=0, le=120, description="How long to wait for an answer of the API.")
