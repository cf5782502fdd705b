"""The registered model: versions, aliases, their audit."""

import getpass
import json
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vigie_trainer.errors import VigieError
from vigie_trainer.tracking.store import Store, translated

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
GATE_REPORT, GATE_PAGE = "gate/gate.json", "gate/gate.html"
_VERSION_DIGITS = 9
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class Version:
    """A version of the registered model.

    Attributes:
        source: where its files are, `models:/<model id>`.
        aliases: names that point to it now.
    """

    name: str
    number: str
    recipe: str
    run_id: str
    source: str
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """What --json shows of it."""
        return {"name": self.name, "version": self.number, "recipe": self.recipe, "run_id": self.run_id}

    @property
    def gate_passed(self) -> bool:
        """Whether the gate let it through."""
        return self.tags.get("vigie.gate", "").startswith("passed")


def by_alias(store: Store, alias: str) -> Version | None:
    """The version that an alias names, or None."""
    from mlflow.exceptions import MlflowException

    with translated(store.uri):
        try:
            number = store.client.get_registered_model(store.name).aliases.get(alias)
        except MlflowException as error:
            if error.error_code in _ABSENT:
                return None
            raise
    return by_number(store, str(number)) if number else None


def by_number(store: Store, number: str) -> Version | None:
    """The version of that number, or None."""
    from mlflow.exceptions import MlflowException

    if len(number) > _VERSION_DIGITS:  # MLflow's database fails on what its integers cannot hold
        return None
    with translated(store.uri):
        try:
            return _version(store.client.get_model_version(store.name, number))
        except MlflowException as error:
            if error.error_code in _ABSENT:
                return None
            raise


def all_versions(store: Store) -> list[Version]:
    """Every version, with its aliases."""
    from mlflow.exceptions import MlflowException

    with translated(store.uri):
        try:
            model = store.client.get_registered_model(store.name)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
        names: dict[str, list[str]] = {}
        for alias, number in model.aliases.items():
            names.setdefault(str(number), []).append(alias)
        found: list[Version] = []
        token: str | None = None
        while True:
            page = store.client.search_model_versions(f"name = '{store.name}'", max_results=1000, page_token=token)
            found += [_version(one, tuple(sorted(names.get(str(one.version), ())))) for one in page]
            token = page.token
            if not token:
                return found


def version_of_run(store: Store, run_id: str) -> str | None:
    """Number of the version made from a run, or None."""
    with translated(store.uri):
        found = store.client.search_model_versions(f"name = '{store.name}' and run_id = '{run_id}'")
        return str(found[0].version) if found else None


def register(store: Store, run_id: str, model_id: str, run_tags: dict[str, str]) -> str:
    """Make a version of a run's model and return its number; the gate has not seen it yet."""
    from mlflow.exceptions import MlflowException

    with translated(store.uri):
        try:
            store.client.create_registered_model(
                store.name,
                description="Sentiment of a post: P(positive). Released by `vigie promote`, through the gate.",
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = store.client.create_model_version(
            store.name,
            f"models:/{model_id}",
            run_id=run_id,
            tags={
                key: run_tags[key] for key in ("vigie.recipe", "vigie.dataset", "vigie.data_digest") if key in run_tags
            },
            model_id=model_id,
        )
        return str(made.version)


def record_gate(store: Store, version: Version, outcome: str, artifact_digest: str) -> None:
    """Write what the gate said on the version; the API serves only the artifact that the gate saw."""
    with translated(store.uri):
        store.client.set_model_version_tag(store.name, version.number, "vigie.gate", outcome[:5000])
        store.client.set_model_version_tag(store.name, version.number, "vigie.artifact_digest", artifact_digest)
        store.client.set_model_version_tag(store.name, version.number, "vigie.recipe", version.recipe)


def log_report(store: Store, version: Version, document: dict[str, Any], page: str) -> None:
    """Log the gate's whole report, for programs and as an HTML page, with the run that the version was made from, over
    an earlier one."""
    if version.run_id:
        with translated(store.uri):
            store.client.log_dict(version.run_id, document, GATE_REPORT)
            store.client.log_text(version.run_id, page, GATE_PAGE)


def gate_report(store: Store, version: Version) -> dict[str, Any] | None:
    """The gate's last report on a version, or None."""
    with translated(store.uri), tempfile.TemporaryDirectory(prefix="vigie-gate-") as folder:
        there = {file.path for file in store.client.list_artifacts(version.run_id, "gate")}
        if GATE_REPORT not in there:
            return None
        path = store.client.download_artifacts(version.run_id, GATE_REPORT, folder)
        found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return found


def set_challenger(store: Store, version: Version) -> None:
    """Point challenger to a version: the API scores live traffic with it beside the champion."""
    with translated(store.uri):
        store.client.set_registered_model_alias(store.name, CHALLENGER, version.number)


def move_champion(
    store: Store, new: Version, old: Version | None, reason: str, action: Literal["promote", "rollback"] = "promote"
) -> None:
    """Point champion to `new` and previous to `old`, and write who, when, why and from where on the new champion."""
    audit = {
        "vigie.promoted_by": f"vigie ({_user()})",
        "vigie.promoted_reason": reason[:5000],
        "vigie.promoted_action": action,
        "vigie.promoted_previous": "none" if old is None else old.number,
        # Last: the API takes a new time for a move that is written down whole.
        "vigie.promoted_at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    with translated(store.uri):
        for key, value in audit.items():
            store.client.set_model_version_tag(store.name, new.number, key, value)
        if old is not None:  # first, so that a crash in between leaves a champion and a way back
            store.client.set_registered_model_alias(store.name, PREVIOUS, old.number)
        store.client.set_registered_model_alias(store.name, CHAMPION, new.number)
    # It has nothing left to challenge. The champion has moved, whatever becomes of this: MLflow may go away now, and
    # lets only those who may manage the model, such as the account that made it, delete an alias.
    with suppress(VigieError), translated(store.uri):
        if str(store.client.get_registered_model(store.name).aliases.get(CHALLENGER)) == new.number:
            store.client.delete_registered_model_alias(store.name, CHALLENGER)


def _version(found: "ModelVersion", aliases: tuple[str, ...] | None = None) -> Version:
    return Version(
        name=found.name,
        number=str(found.version),
        recipe=found.tags.get("vigie.recipe", ""),
        run_id=found.run_id or "",
        source=found.source or "",
        tags=dict(found.tags),
        aliases=tuple(found.aliases) if aliases is None else aliases,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown user"
