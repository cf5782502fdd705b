"""Build the images, bring the stack up, run the end-to-end tests through its gateway, take it down.

The stack has a project name, a port, image names and secrets of its own: one that is running stays as it is.
What the tests and containers left behind is in artifacts/e2e.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from e2e_stack import IMAGES, ROOT, Step, TestedStack, conduct, docker_answers, free_ports

STACK = TestedStack("compose", "vigie-e2e", ROOT / "compose.yaml", ROOT / "artifacts" / "e2e")


def main() -> int:
    """Run everything; the exit code is that of the first step that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the stack running, to look at it")
    parser.add_argument("--no-build", action="store_true", help="use the images of the last run")
    options, pytest_arguments = parser.parse_known_args()
    if not docker_answers():
        return 2
    steps: list[Step] = [] if options.no_build else [("build", lambda: STACK.run("build", "--quiet"))]
    steps.append(("up", lambda: STACK.run("up", "--detach", "--wait", "--wait-timeout", "600", "--quiet-pull")))
    steps.append(("tests", lambda: STACK.test(pytest_arguments)))
    return conduct(STACK, prepare, steps, keep=options.keep)


def prepare() -> None:
    """Make a fresh folder, secrets, port and image names."""
    port, mail_port = free_ports(2)
    images = {f"{name.upper()}_IMAGE": image for name, image in IMAGES.items()}
    STACK.clear({"VIGIE_PORT": str(port), "MAILPIT_PORT": str(mail_port), "VIGIE_API_POLL_S": "2"} | images)
    make_secrets = [sys.executable, "scripts/env.py", "--file", str(STACK.env_file)]
    subprocess.run(make_secrets, cwd=ROOT, check=True, stdout=sys.stderr)
    STACK.announce(port, mail_port)


if __name__ == "__main__":
    sys.exit(main())
