"""The S3 bucket that holds the artifacts."""

from __future__ import annotations

from collections.abc import Callable

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vigie_mlflow.settings import Settings
from vigie_mlflow.waiting import wait_for


def prepare_bucket(settings: Settings, say: Callable[[str], None]) -> None:
    """Wait for the S3 server and create the bucket when it is missing.

    Does nothing when artifacts do not go to S3. Raises NotReadyError when the server stays away or refuses the key.
    """
    bucket = settings.bucket
    if bucket is None:
        return
    created = wait_for(
        f"S3 at {settings.s3_endpoint or 'Amazon'}",
        lambda: create_if_missing(settings, bucket),
        (BotoCoreError, ClientError),
        wait_s=settings.wait_s,
        say=say,
    )
    if created:
        say(f"created bucket {bucket}")


def create_if_missing(settings: Settings, bucket: str) -> bool:
    """Create `bucket` when there is none; say whether it was created."""
    secret_key = settings.s3_secret_key
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=secret_key.get_secret_value() if secret_key else None,
        region_name=settings.s3_region,
        config=Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 1}),
    )
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as missing:
        if missing.response.get("Error", {}).get("Code") not in {"404", "NoSuchBucket"}:
            raise
    else:
        return False
    # us-east-1 is the one region that must not be named in the request.
    if settings.s3_region == "us-east-1":
        client.create_bucket(Bucket=bucket)
    else:
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": settings.s3_region})
    return True
