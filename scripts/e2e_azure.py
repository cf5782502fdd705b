"""Run the containers as App Service does, test them end to end, take them down.

The sidecars share one network and only the gateway's port is published; each gets what azure/containers.json gives it
and nothing else. The containers start in a random order with random gaps, without waiting for each other; the seed is
printed, `--seed N` repeats it. Jobs run as jobs, with what azure/modules/jobs.bicep gives them. What was left behind is
in artifacts/e2e-azure. docs/deploy-azure.md says what this can prove and what it cannot.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from azure_secrets import FROM_OUTSIDE, KEYS, PASSWORDS, database_host, settled
from azure_settings import Job, inner_mlflow, jobs, main_port, sidecars
from e2e_stack import IMAGES, ROOT, Step, TestedStack, conduct, docker_answers, free_ports
from env import secret

STACK = TestedStack(
    "sidecars",
    "vigie-e2e-azure",
    ROOT / "tests" / "e2e" / "azure" / "compose.yaml",
    ROOT / "artifacts" / "e2e-azure",
)
VAULT = "kv-vigie-local"
HOSTS = "localhost,localhost:*,127.0.0.1,127.0.0.1:*"
# Of storage.bicep: an S3 server stands in for Blob storage.
ARTIFACTS = "s3://mlflow"
# Everything but the owner of the shared network. The job `bootstrap` is the service `trainer`.
STARTED = ("gateway", "ui", "api", "mlflow", "mlflow-inside", "postgres", "minio", "trainer")
# What those say that cannot go on before the release's steps have run.
WAITING = {
    "mlflow": "waiting for Postgres at",
    "mlflow-inside": "waiting for Postgres at",
    "api": "the database is away|waiting for the migration",
    "trainer": "Waiting for MLflow at",
}
HEARD_WITHIN_S = 180
LONGEST_GAP_S = 2.0
READY_WITHIN_S = 600


@dataclass(frozen=True)
class Site:
    """One deployment: its ports here, and the secrets of its vault."""

    port: int
    mail_port: int
    secrets: Mapping[str, str] = field(repr=False)

    def computed(self) -> dict[str, str]:
        """Give what main.bicep computes: its defaults, with the mail server of the tests and the names of this host."""
        url = f"http://127.0.0.1:{self.port}"
        return {
            "VIGIE_UI_BRAND": "Air Paradis",
            "VIGIE_UI_LANGUAGE": "fr",
            "VIGIE_API_PUBLIC_URL": url,
            "VIGIE_API_SMTP_HOST": "mailpit",
            "VIGIE_API_SMTP_USERNAME": "",
            "VIGIE_API_MAIL_FROM": "Vigie <vigie@vigie.invalid>",
            "VIGIE_API_MAIL_TO": "marketing@vigie.invalid",
            "VIGIE_API_MAIL_LANGUAGE": "fr",
            "VIGIE_API_CONNECTORS": "",
            "VIGIE_API_APPINSIGHTS_CONNECTION_STRING": "",
            "VIGIE_MLFLOW_ALLOWED_HOSTS": HOSTS,
            "VIGIE_MLFLOW_CORS_ORIGINS": url,
            "VIGIE_MLFLOW_DATABASE_HOST": database_host(VAULT),
            "VIGIE_MLFLOW_ARTIFACTS": ARTIFACTS,
            "AZURE_CLIENT_ID": "",
        }

    def expressions(self) -> dict[str, str]:
        """Give what the expressions of jobs.bicep and inside.bicep stand for here."""
        return {
            "'https://${mlflowHost}/mlflow'": "http://mlflow-inside:5000/mlflow",
            "'${mlflowName}.internal.${inside.properties.defaultDomain},localhost,localhost:*,127.0.0.1,127.0.0.1:*'": (
                f"mlflow-inside:5000,{HOSTS}"
            ),
            "apiUrl": f"http://site:{main_port()}/api",
            "databaseHost": database_host(VAULT),
            "artifacts": ARTIFACTS,
            "identityClientId": "",
            "slots ? '1' : ''": "",
        }

    def jobs(self) -> dict[str, Job]:
        """Give the jobs as jobs.bicep has them."""
        return jobs(self.secrets, self.expressions())

    def environments(self) -> dict[str, dict[str, str]]:
        """Give the environment of each service of the compose file that Azure gives one to."""
        return {
            **sidecars(self.secrets, self.computed()),
            "mlflow-inside": inner_mlflow(self.secrets, self.expressions()),
            **{name: job.environment for name, job in self.jobs().items()},
        }

    def values(self) -> dict[str, str]:
        """Give what the compose file and the tests refer to; keys and passwords by the names that they have in .env."""
        return {
            "VIGIE_PORT": str(self.port),
            "VIGIE_MAIN_PORT": str(main_port()),
            "MAILPIT_PORT": str(self.mail_port),
            "SETTINGS": str(STACK.settings),
            "BOOTSTRAP": " ".join(self.jobs()["bootstrap"].words),
            "DATABASE_HOST": database_host(VAULT),
            "DATABASE_ADMIN_PASSWORD": self.secrets["database-admin-password"],
            "POSTGRES_PASSWORD": secret(),
            "S3_ACCESS_KEY": secret(),
            "S3_SECRET_KEY": secret(),
            "MLFLOW_ADMIN_PASSWORD": self.secrets["mlflow-admin-password"],
            **{f"VIGIE_{name.upper().replace('-', '_')}": self.secrets[name] for name in KEYS},
            # Who hands in posts has a key of his own in compose; on Azure the administrator's does it.
            "VIGIE_KEY_INGEST": self.secrets.get("key-ingest", self.secrets["key-admin"]),
            **{f"{name.upper()}_IMAGE": image for name, image in IMAGES.items()},
        }


def main() -> int:
    """Run everything; the exit code is that of the first step that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the containers running, to look at them")
    parser.add_argument("--no-build", action="store_true", help="use the images of the last run, where there are any")
    parser.add_argument("--seed", type=int, help="start in the order of this seed")
    options, pytest_arguments = parser.parse_known_args()
    if not docker_answers():
        return 2
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    known = settled(VAULT, dict.fromkeys([*PASSWORDS, *KEYS]), dict.fromkeys(FROM_OUTSIDE, ""))
    port, mail_port = free_ports(2)
    site = Site(port, mail_port, known)
    steps: list[Step] = [
        ("build", lambda: build(missing_only=options.no_build)),
        ("start", lambda: start(site, seed)),
        ("ready", lambda: wait_until_ready(site)),
        ("tests", lambda: STACK.test(pytest_arguments)),
    ]
    return conduct(STACK, lambda: prepare(site), steps, keep=options.keep)


def build(*, missing_only: bool) -> int:
    """Build the images, or those only that are not there."""
    for name, image in IMAGES.items():
        known = subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0
        if missing_only and known:
            continue
        command = ["docker", "build", "--quiet", "--tag", image, "--file", f"services/{name}/Dockerfile", "."]
        code = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode
        if code:
            return code
    return 0


def prepare(site: Site) -> None:
    """Write the environment of each container, and clear what was there."""
    STACK.clear(site.values())
    STACK.settings.mkdir(mode=0o700)
    for name, environment in site.environments().items():
        # In single quotes nothing is special, and no value has one.
        lines = "".join(f"{variable}='{value}'\n" for variable, value in environment.items())
        (STACK.settings / f"{name}.env").write_text(lines, encoding="utf-8")
    STACK.announce(site.port, site.mail_port)


def start(site: Site, seed: int) -> int:
    """Start everything in the seed's order; do the release's steps when all have said that they wait for them."""
    chance = random.Random(seed)
    order = chance.sample(STARTED, len(STARTED))
    gaps = [chance.uniform(0, LONGEST_GAP_S) for _ in order]
    print(f"e2e: seed {seed}: " + ", ".join(f"{name} +{gap:.1f} s" for name, gap in zip(order, gaps, strict=True)))
    code = STACK.run("--profile", "jobs", "create", "--quiet-pull", "netns", *STARTED)
    code = code or STACK.run("start", "netns")  # the platform's part
    if code:
        return code
    for name, gap in zip(order, gaps, strict=True):
        time.sleep(gap)
        code = subprocess.run(["docker", "start", f"{STACK.project}-{name}-1"], stdout=subprocess.DEVNULL).returncode
        if code:
            return code
    code = all_wait()
    # On Azure the server is there long before; its jobs do not wait for it.
    code = code or STACK.run("up", "--detach", "--wait", "--no-deps", "--no-recreate", "postgres")
    for name in ("roles", "migrate"):
        code = code or _run_job(site, name)
    return code


def all_wait() -> int:
    """Wait until each of those that must wait has said so, and print what it said."""
    deadline = time.monotonic() + HEARD_WITHIN_S
    waiting = dict(WAITING)
    while waiting:
        for name, words in list(waiting.items()):
            command = ["docker", "logs", f"{STACK.project}-{name}-1"]
            log = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
            heard = re.search(rf".*({words}).*", log)
            if heard:
                print(f"e2e: {name} says: {heard[0][:200]}", flush=True)
                del waiting[name]
        if waiting and time.monotonic() > deadline:
            print(f"e2e: started, and did not say what they wait for: {', '.join(waiting)}")
            return 1
        time.sleep(0.5)
    return 0


def wait_until_ready(site: Site) -> int:
    """Wait for the first champion, then for page and API through the gateway."""
    trainer = ["docker", "wait", f"{STACK.project}-trainer-1"]
    ended = subprocess.run(trainer, capture_output=True, text=True, timeout=READY_WITHIN_S).stdout.strip()
    if ended != "0":
        print(f"e2e: the job bootstrap ended with {ended}")
        return 1
    deadline = time.monotonic() + READY_WITHIN_S
    addresses = [f"http://127.0.0.1:{site.port}{path}" for path in ("/healthz", "/api/readyz", "/")]
    while waiting := [address for address in addresses if not _answers(address)]:
        if time.monotonic() > deadline:
            print(f"e2e: no good answer from {', '.join(waiting)}")
            return 1
        time.sleep(0.5)
    return 0


def _run_job(site: Site, name: str) -> int:
    words = site.jobs()[name].words
    command = STACK.command("run", "--rm", "--no-deps", "--no-TTY", name, *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    (STACK.artifacts / f"{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        print(f"e2e: the job {name} ended with {done.returncode}", done.stdout, done.stderr, sep="\n")
    return done.returncode


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
