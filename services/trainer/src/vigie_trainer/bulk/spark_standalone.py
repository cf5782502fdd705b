"""A Spark cluster on this machine, for trials, benchmarks and tests: one master, and workers that may be killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyspark

from vigie_trainer.errors import Unavailable

_START_S = 600.0
_LOOPBACK = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")


class StandaloneCluster:
    """Java processes on the loopback address, on ports that were free.

    Each is the head of a process group that holds the executors it starts, whose Python ends with them: killing one is
    what losing a machine is.

    Attributes:
        master: the address for --master.
        environment: for the driver, so that it finds the cluster's settings.
        processes: those that run, by name.
    """

    def __init__(self, folder: Path, settings: str = "", *, daemon_options: str = "") -> None:
        """`settings` is the content of spark-defaults.conf; `daemon_options` are Java's, for master and workers."""
        self.folder = folder
        self.master = ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        home = Path(str(pyspark.__file__)).parent
        self._spark_class = home / "bin" / "spark-class"
        (folder / "spark-defaults.conf").write_text(settings, encoding="utf-8")
        self.environment = os.environ | {
            "SPARK_HOME": str(home),
            "SPARK_CONF_DIR": str(folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(folder / "scratch"),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": daemon_options,
            "PYSPARK_PYTHON": sys.executable,
        }

    def start(self) -> None:
        """Start the master.

        Raises:
            Unavailable: it ended, or said nothing for ten minutes. The sentence holds the end of its log.
        """
        self._start("master", "master.Master", *_LOOPBACK)
        self._await("master", lambda: "New state: ALIVE" in self.log("master"))
        found = re.search(r"Starting Spark master at (spark://[\d.:]+)", self.log("master"))
        self.master = found.group(1) if found else ""

    def start_worker(self, name: str, *, cores: int = 1, memory: str = "600m") -> None:
        """Start a worker, and wait until the master knows it.

        Raises:
            Unavailable: as start.
        """
        size = ("--cores", str(cores), "--memory", memory, "--work-dir", str(self.folder / f"work-{name}"))
        self._start(name, "worker.Worker", *_LOOPBACK, *size, self.master)
        self._await(name, lambda: "Successfully registered with master" in self.log(name))

    def kill(self, name: str) -> None:
        """End a process and all that it started, without a word to anybody."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End them all."""
        for name in list(self.processes):
            self.kill(name)

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self, name: str, kind: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603 - Spark's own script
                [str(self._spark_class), f"org.apache.spark.deploy.{kind}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_S
        while not ready():
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"Spark's {name} did not start: {self.log(name)[-2_000:]}")
            time.sleep(0.05)
