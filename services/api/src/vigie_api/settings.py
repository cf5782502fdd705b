"""What an operator may set: environment variables with the prefix VIGIE_API_."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vigie_api.access.api_key import ApiKey
from vigie_api.access.loopback import is_loopback
from vigie_api.alerts.addresses import MailAddress, MailAddresses, TimeZone
from vigie_api.connectors.options import Connectors
from vigie_api.database.address import psycopg_url
from vigie_api.telemetry.appinsights.connection import Connection, parse_connection

MAX_TEXTS = 1_000
MAX_TEXT_CHARS = 10_000
MAX_BODY_BYTES = 1_000_000
MAX_MENTIONS_BODY_BYTES = 5_000_000


def _default_database(data: Mapping[str, Any]) -> str:
    return f"sqlite:///{data['home']}/api/vigie.db"


def _default_cache(data: Mapping[str, Any]) -> Path:
    return Path(data["home"]) / "api" / "models"


class Settings(BaseSettings):
    """Every setting of the API. Nothing is read at import: `Settings()` reads the environment.

    Raises pydantic.ValidationError (or SettingsError for JSON that does not parse) when a value makes no sense,
    and when no key is configured although the host is reachable from other machines.
    """

    model_config = SettingsConfigDict(
        env_prefix="VIGIE_API_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    home: Path = Field(
        Path("var"),
        validation_alias="VIGIE_HOME",
        description="Folder of the embedded mode's state (variable VIGIE_HOME, without the prefix).",
    )
    host: str = Field(
        "127.0.0.1", description="Address to listen on. Without keys only a loopback address is accepted."
    )
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on.")
    root_path: str = Field("", pattern=r"^(/[^/]+)*$", description="Path prefix that a gateway strips, such as /api.")
    database_url: Annotated[str, BeforeValidator(psycopg_url)] = Field(
        default_factory=_default_database,
        repr=False,
        description="SQLAlchemy address of the database: sqlite:///… or postgresql://…",
    )
    migrate_on_start: bool = Field(True, description="Bring the database to the newest schema when the API starts.")
    mlflow_uri: str = Field("http://127.0.0.1:5000", description="Address of the MLflow server that holds the models.")
    mlflow_username: str | None = Field(None, description="MLflow user, when the server asks for one.")
    mlflow_password: SecretStr | None = Field(None, description="Password of the MLflow user.")
    model_name: str = Field("sentiment", description="Registered model whose alias champion is served.")
    model_cache_dir: Path = Field(
        default_factory=_default_cache, description="Folder that keeps the last good model, for starts without MLflow."
    )
    model_threads: int = Field(1, ge=1, le=64, description="Threads of a heavy model (a light one needs none).")
    model_within_s: float = Field(
        2.0,
        gt=0,
        description="Seconds in which a new version must judge one tweet, on this machine. A slower one is not served: "
        "what served goes on, and it is tried again after a minute, then ever later.",
    )
    download_timeout_s: float = Field(
        120.0,
        gt=0,
        description="Seconds that MLflow may let a model's download wait for its next byte (other questions: 5).",
    )
    explain_passes: int = Field(
        64, ge=2, le=1_000, description="Most texts that a heavy model judges to explain one: fewer is faster, coarser."
    )
    poll_s: float = Field(10.0, gt=0, description="Seconds between two looks at the aliases champion and challenger.")
    shadow_sample: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of live predictions that the challenger judges too, in the background. 0: it is not loaded.",
    )
    drift_warning: float = Field(0.1, gt=0, le=1, description="Drift from which on a day's measure is a warning.")
    drift_alert: float = Field(0.25, gt=0, le=1, description="Drift from which on a day's measure raises an alert.")
    drift_min_predictions: int = Field(
        200, ge=1, description="A day with fewer predictions is not judged: chance alone would look like drift."
    )
    spool_dir: Path | None = Field(
        None, description="Durable folder that keeps feedback while the database is away. Unset: 503 instead."
    )
    keys: tuple[ApiKey, ...] = Field(
        (),
        repr=False,
        description='API keys, a JSON list of {"name", "scopes", "sha256"} (see `vigie-api keys new`). '
        "None: embedded mode, loopback only.",
    )
    rate_per_minute: int = Field(6_000, ge=0, description="Requests a minute allowed to each key. 0: no limit.")
    max_body_bytes: int = Field(MAX_BODY_BYTES, ge=1_000, description="Largest request body, in bytes.")
    max_mentions_body_bytes: int = Field(
        MAX_MENTIONS_BODY_BYTES, ge=1_000, description="The same for POST /v1/mentions."
    )
    max_texts: int = Field(MAX_TEXTS, ge=1, le=MAX_TEXTS, description="Most texts in one batch.")
    max_text_chars: int = Field(
        MAX_TEXT_CHARS, ge=1, le=MAX_TEXT_CHARS, description="Longest text, in Unicode code points."
    )
    score_streams: int = Field(
        4, ge=0, le=100, description="Streams of POST /v1/score at the same time; more get 429 and Retry-After."
    )
    score_workers: int | None = Field(
        None,
        ge=0,
        le=64,
        description="Processes that judge these streams, started when there is one. Unset: one a core, four at most. "
        "0: a thread of the API, which answers others later.",
    )
    score_idle_s: float = Field(
        60.0, ge=0, description="Seconds that these processes, and their memory, are kept after the last stream."
    )
    score_stall_s: float = Field(
        60.0, gt=0, description="Seconds that a stream may neither send nor read; then it is ended."
    )
    score_waiting_mb: int = Field(
        500,
        ge=1,
        description="Megabytes of one answer to a stream that wait on the disk of VIGIE_HOME, where a gateway lets "
        "answers begin only when the request has been sent. 1 MB is about 6,000 rows.",
    )
    max_connections: int = Field(1_000, ge=1, description="Connections served at the same time; more get 503.")
    shutdown_delay_s: float = Field(
        0.0,
        ge=0,
        le=60,
        description="Seconds between SIGTERM and the end of listening, in which /readyz says 503 and all else is "
        "answered: for a load balancer that asks it. The gateway of compose.yaml needs none.",
    )
    queue_size: int = Field(
        50_000, ge=1, description="Predictions that may wait to be written; more are dropped, counted."
    )
    flush_s: float = Field(0.25, gt=0, description="Seconds between two writes of waiting predictions.")
    spool_drain_s: float = Field(2.0, gt=0, description="Seconds between two attempts to empty the spool.")
    mentions_waiting: int = Field(
        100_000, ge=1, description="Mentions that may wait to be judged; from then on more get 429 and Retry-After."
    )
    mentions_max_age_days: int = Field(
        7_300, ge=1, le=36_500, description="Days after which a post is too old to be taken in as a mention."
    )
    author_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Key of the hash that is kept instead of an author's name; the same in every process, and for "
        "ever. Unset: without API keys one is made in VIGIE_HOME, with keys nothing of an author is kept.",
    )
    retention_days: int = Field(
        0, ge=0, le=36_500, description="Days after which the texts of predictions go. Unset or 0: they are kept."
    )
    retention_action: Literal["delete", "anonymise"] = Field(
        "delete",
        description="What becomes of what is older: the rows are deleted, or they stay for statistics without text, "
        "comment and who judged.",
    )
    retention_feedback_days: int | None = Field(
        None,
        ge=0,
        le=36_500,
        description="The same for verdicts, alerts that were seen, and the predictions that verdicts are about, from "
        "the newest verdict on. Unset: VIGIE_API_RETENTION_DAYS. 0: they are kept.",
    )
    retention_counts_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days after which the counts of posts go, by topic, source and language. Nine weeks back from a "
        "topic's newest post they stay: the watch learns from them. Unset or 0: they are kept.",
    )
    smtp_host: str | None = Field(
        None, description="Mail server for alerts. Unset: no e-mail is sent; alerts are kept and shown all the same."
    )
    smtp_port: int | None = Field(
        None, ge=1, le=65_535, description="Its port. Unset: 587 with starttls, 465 with tls, 25 with none."
    )
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="How the connection is kept private: starttls, tls from the first byte, or none."
    )
    smtp_username: str | None = Field(None, description="User of the mail server, when it asks for one.")
    smtp_password: SecretStr | None = Field(None, description="Password of that user.")
    mail_from: MailAddress | None = Field(
        None, description="Sender of alerts: an address, or Vigie <vigie@example.org>."
    )
    mail_to: MailAddresses = Field((), description="Who gets alerts: addresses, separated by commas.")
    mail_language: Literal["fr", "en"] = Field("fr", description="Language of the e-mails: fr or en.")
    mail_timezone: TimeZone = Field("Europe/Paris", description="Time zone of the times in e-mails.")
    mail_retry_s: float = Field(
        5.0,
        gt=0,
        description="Seconds before an e-mail is tried again; doubled each time, up to 15 minutes, for a week.",
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s<>\"'?#]+$",
        description="Address of the page as people reach it, for the links in e-mails: https://vigie.example.org",
    )
    alert_count: int = Field(3, ge=2, le=100, description="Predictions judged wrong that make an alert.")
    alert_window_s: float = Field(
        300.0, gt=0, le=86_400, description="They make one with less than this many seconds between first and last."
    )
    alert_cooldown_s: float = Field(
        3_600.0,
        ge=0,
        le=2_592_000,
        description="For so many seconds after its opening an alert takes in further wrong verdicts: no second e-mail.",
    )
    connectors: Connectors = Field(
        (),
        description='Live sources of mentions, a JSON list of {"name", "kind": "x" or "bluesky", "queries" or "words"} '
        "(see docs/connectors.md). None: mentions come by POST /v1/mentions alone.",
    )
    x_bearer_token: SecretStr | None = Field(
        None, description="Key (bearer token) of the X API, for connectors of the kind x."
    )
    watch: bool = Field(
        True,
        description="Whether this process may watch for surges; of those that may, one at a time does.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    access_log_every: int = Field(
        100, ge=0, description="One request in so many is logged; 5xx and slow ones always. 0: only those."
    )
    appinsights_connection_string: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices(
            "VIGIE_API_APPINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_CONNECTION_STRING"
        ),
        description="Connection string of the Application Insights resource that telemetry goes to (the standard "
        "APPLICATIONINSIGHTS_CONNECTION_STRING is read too). Unset: nothing is sent.",
    )
    appinsights_exporter: Literal["opencensus", "opentelemetry"] = Field(
        "opencensus", description="Library that sends it: opencensus-ext-azure or azure-monitor-opentelemetry."
    )
    appinsights_text: bool = Field(
        True, description="Whether the event of a verdict carries the text that was judged; nothing else ever does."
    )
    appinsights_sample_s: float = Field(
        1.0,
        ge=0,
        description="Seconds between two requests of a kind (method, route, status) that are sent; each stands for "
        "those between. 5xx and slow ones are always sent. 0: every request.",
    )

    @property
    def appinsights(self) -> Connection | None:
        """Where telemetry goes."""
        secret = self.appinsights_connection_string
        return None if secret is None else parse_connection(secret.get_secret_value())

    @model_validator(mode="after")
    def _connection_makes_sense(self) -> "Settings":
        try:
            _ = self.appinsights
        except ValueError as error:
            names = "VIGIE_API_APPINSIGHTS_CONNECTION_STRING (or APPLICATIONINSIGHTS_CONNECTION_STRING)"
            raise ValueError(f"{names}: {error}") from None
        return self

    @model_validator(mode="after")
    def _mail_makes_sense(self) -> "Settings":
        if self.smtp_host is None:
            return self
        if self.mail_from is None or not self.mail_to:
            raise ValueError("with VIGIE_API_SMTP_HOST set, VIGIE_API_MAIL_FROM and VIGIE_API_MAIL_TO are needed too")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("set VIGIE_API_SMTP_USERNAME and VIGIE_API_SMTP_PASSWORD, or neither")
        if self.smtp_username is not None and self.smtp_security == "none" and not is_loopback(self.smtp_host):
            raise ValueError("VIGIE_API_SMTP_SECURITY=none would send the password in clear: use starttls or tls")
        return self

    @model_validator(mode="after")
    def _drift_makes_sense(self) -> "Settings":
        if self.drift_alert < self.drift_warning:
            raise ValueError("VIGIE_API_DRIFT_ALERT must not be less than VIGIE_API_DRIFT_WARNING")
        return self

    @model_validator(mode="after")
    def _connectors_make_sense(self) -> "Settings":
        names = [connector.name for connector in self.connectors]
        if len(set(names)) < len(names):
            raise ValueError("two connectors in VIGIE_API_CONNECTORS have the same name: give each its own")
        for connector in self.connectors:
            missing = connector.missing(self) if connector.enabled else None
            if missing is not None:
                raise ValueError(f"the connector {connector.name!r} needs {missing} to be set")
        return self

    @model_validator(mode="after")
    def _keys_make_sense(self) -> "Settings":
        names = [key.name for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("two API keys have the same name: give each its own")
        if not self.keys and not is_loopback(self.host):
            raise ValueError(
                f"no API key is configured, so only a loopback address may be used, not {self.host!r}: "
                "set VIGIE_API_KEYS (make an entry with `vigie-api keys new NAME --scope predict`) "
                "or VIGIE_API_HOST=127.0.0.1"
            )
        return self
