"""Bring a set of images to Azure, look at it as a person would, and take it back when it does not work.

  azure_release.py plan     what the infrastructure would change, on stdout
  azure_release.py stage    infrastructure; migrate; the images into the staging slot; smoke test
  azure_release.py swap     migrate production; swap; smoke test; swap back when it fails
  azure_release.py inplace  for a plan without slots: infrastructure; migrate; the images into production; smoke test;
                            the images of before when it fails
  azure_release.py job NAME run a Container Apps job and wait for it

Exit 0: it serves. 1: it does not, and production is as before. 2: production does not work: look at once.
Settings come as options or as the variables of deploy.yml: AZURE_RESOURCE_GROUP, VIGIE_NAME, VIGIE_PARAMETERS,
VIGIE_DIGESTS (JSON), VIGIE_VERSION and what main.bicep needs besides (VIGIE_REGISTRY, VIGIE_VAULT,
VIGIE_ENTRA_CLIENT_ID, VIGIE_ALERT_EMAIL). The smoke test takes its key from the vault, or from VIGIE_SMOKE_KEY.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from azure_cloud import ROOT, Cloud, CloudError
from smoke import SmokeError, Target, check

SERVED = ("gateway", "ui", "api", "mlflow")
OF_JOBS = ("api", "mlflow", "trainer")


class MisuseError(Exception):
    """A setting is missing or makes no sense."""


@dataclass(frozen=True)
class Release:
    """What goes where."""

    cloud: Cloud
    name: str
    parameters: Path
    registry: str
    infrastructure: Mapping[str, Any]
    digests: Mapping[str, str]
    smoke_key: str | None
    version: str | None
    wait_s: float

    def plan(self) -> int:
        """Print what deploying the infrastructure would change."""
        say(self.cloud.what_if("main.bicep", self._infrastructure(), self.parameters))
        return 0

    def stage(self) -> int:
        """Bring the images to the staging slot and try them there. Production keeps serving what it serves."""
        self._prepared()
        outputs = self.cloud.deploy("main.bicep", self._infrastructure(), self.parameters)
        if not outputs["slots"]:
            raise MisuseError("these parameters have no staging slot: use `inplace`")
        self.cloud.run_job("roles", say=say)
        self.cloud.run_job("migrate-staging", say=say)
        self._first_champion(self.cloud.digests(outputs["siteName"], None))
        self._put(outputs["siteName"], self.digests, "staging")
        self._smoke(outputs["stagingUrl"])
        return 0

    def swap(self) -> int:
        """Bring what was tried in staging to production; take it back when it does not work there."""
        self._prepared()
        outputs = self.cloud.deployed("main.bicep")
        site, url = outputs["siteName"], outputs["url"]
        staged = self.cloud.digests(site, "staging")
        if staged != {name: self.digests[name] for name in SERVED}:
            raise MisuseError("the staging slot holds other images than those that were tried: stage them again")
        # Expand-only: the version that serves now goes on working on the new schema.
        self.cloud.run_job("migrate", say=say)
        try:
            self.cloud.swap(site)
        except CloudError as error:
            complain(f"Azure did not swap: {error}")
            self._smoke(url, any_version=True)
            complain("production serves what it served before")
            return 1
        say("swapped: staging serves as production")
        try:
            self._smoke(url)
        except (SmokeError, CloudError) as error:
            complain(f"production does not work after the swap: {error}")
            return self._back("the swap", lambda: self.cloud.swap(site), url)
        return 0

    def inplace(self) -> int:
        """Bring the images to production where there is no slot; bring back those of before when they do not work."""
        self._prepared()
        outputs = self.cloud.deploy("main.bicep", self._infrastructure(), self.parameters)
        site, url = outputs["siteName"], outputs["url"]
        before = self.cloud.digests(site, None)
        self.cloud.run_job("roles", say=say)
        self.cloud.run_job("migrate", say=say)
        self._first_champion(before)
        try:
            self._put(site, self.digests, None)
            self._smoke(url)
        except (SmokeError, CloudError) as error:
            complain(f"the new images do not work: {error}")
            if set(before) != set(SERVED):
                complain("there is nothing to go back to")
                return 2
            return self._back("the release", lambda: self._put(site, before, None), url)
        return 0

    def _prepared(self) -> None:
        if self._key:
            say(f"{self.name} {self.version or ''}: the key of the smoke test is there")

    def _first_champion(self, before: Mapping[str, str]) -> None:
        if not before:
            say("nothing ran before: a first champion is made first")
            self.cloud.run_job("bootstrap", say=say)

    def _back(self, what: str, undo: Any, url: str) -> int:
        try:
            undo()
            self._smoke(url, any_version=True)
        except (SmokeError, CloudError) as error:
            complain(f"{what} was taken back, and production STILL does not work: {error}")
            return 2
        complain(f"{what} was taken back: production serves what it served before")
        return 1

    def _put(self, site: str, digests: Mapping[str, str], slot: str | None) -> None:
        # Stopped first: what answers afterwards is new.
        self.cloud.stop(site, slot)
        try:
            self.cloud.deploy(
                "release.bicep",
                {
                    "name": self.name,
                    "siteName": site,
                    "staging": slot == "staging",
                    "registryName": self.registry,
                    "digests": {name: digests[name] for name in SERVED},
                },
            )
        finally:
            self.cloud.start(site, slot)
        say(f"{slot or 'production'}: {', '.join(f'{name} {digests[name][:19]}' for name in SERVED)}")

    @cached_property
    def _key(self) -> str:
        """Asked for before anything is changed, and not by `plan`: whoever plans may not read secrets."""
        key = self.smoke_key or self.cloud.secret(self.infrastructure["vaultName"], "key-smoke")
        if key is None:
            raise MisuseError("the vault has no key-smoke: run azure_secrets.py")
        return key

    def _smoke(self, url: str, *, any_version: bool = False) -> None:
        target = Target(url, self._key, version=None if any_version else self.version, wait_s=self.wait_s)
        check(target, lambda line: say(f"smoke {url}: {line}"))

    def _infrastructure(self) -> dict[str, Any]:
        jobs = {name: self.digests[name] for name in OF_JOBS}
        return {"name": self.name, "registryName": self.registry, **self.infrastructure, "digests": jobs}


def say(line: str) -> None:
    """Print, at once: a log that is read while it grows."""
    print(line, flush=True)


def complain(line: str) -> None:
    """Print to stderr and, on GitHub, where people look first."""
    prefix = "::error::" if os.environ.get("GITHUB_ACTIONS") else ""
    print(f"{prefix}{line}", file=sys.stderr, flush=True)


def needed(environment: Mapping[str, str], name: str) -> str:
    """A setting that must be there. Raises MisuseError with its name."""
    value = environment.get(name, "").strip()
    if not value:
        raise MisuseError(f"{name} is not set")
    return value


def release_of(environment: Mapping[str, str], pause_s: float, wait_s: float) -> Release:
    """Read the settings. Raises MisuseError with the name of what is missing."""
    try:
        digests = json.loads(needed(environment, "VIGIE_DIGESTS"))
    except ValueError:
        raise MisuseError("VIGIE_DIGESTS is not JSON") from None
    missing = {*SERVED, *OF_JOBS} - {name for name, digest in digests.items() if str(digest).startswith("sha256:")}
    if missing:
        raise MisuseError(f"VIGIE_DIGESTS has no sha256:… for {', '.join(sorted(missing))}")
    parameters = ROOT / "azure" / "parameters" / f"{needed(environment, 'VIGIE_PARAMETERS')}.json"
    if not parameters.is_file():
        raise MisuseError(f"VIGIE_PARAMETERS names no file: {parameters.relative_to(ROOT)}")
    cloud = Cloud(needed(environment, "AZURE_RESOURCE_GROUP"), pause_s)
    infrastructure = {
        "vaultName": needed(environment, "VIGIE_VAULT"),
        "entraClientId": needed(environment, "VIGIE_ENTRA_CLIENT_ID"),
        "alertEmail": needed(environment, "VIGIE_ALERT_EMAIL"),
    }
    return Release(
        cloud=cloud,
        name=needed(environment, "VIGIE_NAME"),
        parameters=parameters,
        registry=needed(environment, "VIGIE_REGISTRY"),
        infrastructure=infrastructure,
        digests=digests,
        smoke_key=environment.get("VIGIE_SMOKE_KEY") or None,
        version=environment.get("VIGIE_VERSION") or None,
        wait_s=wait_s,
    )


def main() -> int:
    """Do one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["plan", "stage", "swap", "inplace", "job"])
    parser.add_argument("job", nargs="?", help="name of the job (retrain)")
    parser.add_argument("--wait", type=float, default=900.0, help="seconds until what was deployed must be ready")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds between two looks at a job")
    options = parser.parse_args()
    try:
        if options.step == "job":
            Cloud(needed(os.environ, "AZURE_RESOURCE_GROUP"), options.pause).run_job(options.job or "retrain", say=say)
            return 0
        release = release_of(os.environ, options.pause, options.wait)
        step: int = getattr(release, options.step)()
    except (MisuseError, CloudError, SmokeError) as error:
        complain(str(error))
        return 1
    return step


if __name__ == "__main__":
    sys.exit(main())
