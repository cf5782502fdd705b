"""The container of Azure's Blob storage that holds the artifacts, where they go there."""

from __future__ import annotations

from collections.abc import Callable

from vigie_mlflow.settings import Settings
from vigie_mlflow.waiting import wait_for


def await_blobs(settings: Settings, say: Callable[[str], None]) -> None:
    """Wait until the storage lets us read; MLflow itself would say so at the first artifact only.

    Does nothing when artifacts go elsewhere. The container is made with the storage account, not here. Raises
    NotReadyError when the storage stays away, refuses us, or has no such container, or when no identity can be had.
    """
    if not settings.artifacts.startswith("wasbs://"):
        return
    # Slow to import, and for Azure alone. The client is MLflow's: what works here works when it serves.
    from azure.core.exceptions import AzureError
    from mlflow.store.artifact.azure_blob_artifact_repo import AzureBlobArtifactRepository

    repository = AzureBlobArtifactRepository(settings.artifacts)
    parts = AzureBlobArtifactRepository.parse_wasbs_uri(settings.artifacts)  # type: ignore[no-untyped-call]  # MLflow has no types here
    container = repository.client.get_container_client(parts[0])

    def read() -> None:
        # The storage's own retries would take minutes in silence.
        blobs = container.list_blobs(results_per_page=1, retry_total=0, connection_timeout=5, read_timeout=10)
        next(blobs, None)

    wait_for(f"Blob storage at {settings.artifacts}", read, (AzureError,), wait_s=settings.wait_s, say=say)
