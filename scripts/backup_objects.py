"""Runs inside the MLflow container, which has the keys of the object store: `python -c <this file> save|load|delete`.

    save    every object below MLflow's address, as a tar on stdout
    load    the tar on stdin into the store; the bucket is made when it is missing. Prints what is there besides
    delete  the objects named on stdin, one a line

Sent from the checkout with each call, so that the image of the version before an upgrade can be backed up, too. What
it needs of that image: boto3, and `vigie_mlflow`'s settings. The names in the tar are those below the address: a backup
can go to another bucket or S3 server.
"""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from vigie_mlflow.bucket import prepare_bucket
from vigie_mlflow.settings import Settings

# What S3 keeps beside an object's bytes and MLflow sets, under a name that tar programs take without a warning.
_XATTR = "SCHILY.xattr.user.vigie."
_HEADERS = ("ContentType", "ContentEncoding")
_MOST_AT_ONCE = 1000  # of keys in one DeleteObjects


class _Forward:
    """A file of a tar that streams by. It says that it cannot go back, so that boto3 keeps what it may send again."""

    def __init__(self, content: IO[bytes]) -> None:
        self.read = content.read

    def seekable(self) -> bool:
        """It is not."""
        return False


class Store:
    """The objects below MLflow's address for artifacts."""

    def __init__(self, settings: Settings) -> None:
        if settings.bucket is None:
            raise SystemExit(f"artifacts are in {settings.artifacts}, not in S3: back them up with that store's means")
        self.bucket = settings.bucket
        folder = urlsplit(settings.artifacts).path.strip("/")
        self.prefix = f"{folder}/" if folder else ""
        secret = settings.s3_secret_key
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=settings.s3_endpoint,
            aws_access_key_id=settings.s3_access_key,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            region_name=settings.s3_region,
        )

    def keys(self) -> Iterator[str]:
        """List every key below the address; none when there is no bucket yet."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        try:
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", ()))
        except self.client.exceptions.NoSuchBucket:
            return

    def save(self) -> None:
        """Write the tar. An object that is deleted meanwhile is left out."""
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for key in self.keys():
                try:
                    found = self.client.get_object(Bucket=self.bucket, Key=key)
                except self.client.exceptions.NoSuchKey:
                    continue
                member = tarfile.TarInfo(key[len(self.prefix) :])
                member.size = found["ContentLength"]
                member.mtime = int(found["LastModified"].timestamp())
                member.pax_headers = {_XATTR + name: found[name] for name in _HEADERS if found.get(name)}
                archive.addfile(member, found["Body"])
                archive.members = []  # type: ignore[attr-defined]  # it would keep each; the stubs do not list it

    def load(self) -> None:
        """Put what the tar holds, over what is there."""
        # A thread for each part of a large object would hold eight megabytes each.
        transfer = TransferConfig(use_threads=False)
        loaded = set()
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # as above
                extra = {name: value for name in _HEADERS if (value := member.pax_headers.get(_XATTR + name))}
                content = archive.extractfile(member)
                if content is not None:  # a file: there is nothing else in it
                    key = self.prefix + member.name
                    self.client.upload_fileobj(_Forward(content), self.bucket, key, ExtraArgs=extra, Config=transfer)
                    loaded.add(key)
        for key in self.keys():
            if key not in loaded:
                print(key[len(self.prefix) :])

    def delete(self) -> None:
        """Delete what is named."""
        doomed = [self.prefix + line.rstrip("\n") for line in sys.stdin]
        for start in range(0, len(doomed), _MOST_AT_ONCE):
            some = [{"Key": key} for key in doomed[start : start + _MOST_AT_ONCE]]
            self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": some, "Quiet": True})


def main() -> None:
    """Do what the one argument says."""
    settings = Settings()
    store = Store(settings)
    try:
        if sys.argv[1] == "save":
            store.save()
        elif sys.argv[1] == "load":
            prepare_bucket(settings, lambda text: print(text, file=sys.stderr))
            store.load()
        else:
            store.delete()
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(f"the object store: {error}") from None


if __name__ == "__main__":
    main()
