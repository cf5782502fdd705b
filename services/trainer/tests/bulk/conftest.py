"""A real Spark cluster on this machine: one master, two workers of one core each."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vigie_trainer.bulk.spark_standalone import StandaloneCluster

GENEROUS_S = 600
ARTIFACT = Path(__file__).parents[4] / "packages/model/tests/golden/format_2/linear"
# Tests pay for the start of a dozen Java machines: let them start quickly rather than run fast.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = f"""\
spark.driver.memory 512m
spark.executor.memory 512m
spark.driver.defaultJavaOptions {QUICK_JAVA}
spark.executor.defaultJavaOptions {QUICK_JAVA}
"""


def until(happened: Callable[[], object], what: str) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + GENEROUS_S
    while not happened():
        assert time.monotonic() < deadline, f"waited {GENEROUS_S} s in vain for {what}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    """The cluster that the tests share."""
    folder = tmp_path_factory.mktemp("spark")
    cluster = StandaloneCluster(folder, SETTINGS, daemon_options=QUICK_JAVA)
    cluster.environment["VIGIE_HOME"] = str(folder / "home")
    try:
        cluster.start()
        for name in ("first", "second"):
            cluster.start_worker(name)
        yield cluster
    finally:
        cluster.stop()
