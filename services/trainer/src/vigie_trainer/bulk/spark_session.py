"""A Spark session for one job: Java is there, the master answers and gives cores, or a sentence says why not."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from vigie_trainer.errors import Misuse, Unavailable, VigieError

OLDEST_JAVA = 17
_STANDALONE_PORT = 7077
_CONNECT_S = 10.0
_EXECUTORS_S = 300.0
_STEADY_S = 2.0
_LOG_SETTINGS = Path(__file__).with_name("log4j2-spark.properties")
# One thread a task: the cluster runs as many tasks as it has cores.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def session(master: str) -> Iterator[SparkSession]:
    """A session on the cluster at `master`, which ends with the block.

    Raises:
        Misuse: there is no Java, or it is too old. Unavailable: the master does not answer, or gives no executor.
    """
    _check_java()
    _check_master(master)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} if _in_main() else {}
    spark = _open(master)
    # Spark took SIGINT for itself; an interruption is the command's to handle.
    for number, handler in handlers.items():
        signal.signal(number, handler)
    try:
        _await_executors(spark, master)
        yield spark
    except BaseException:
        _quietly_cancel(spark)
        raise
    finally:
        spark.stop()


def cores(spark: SparkSession) -> int:
    """Tasks that the cluster runs at the same time."""
    return max(1, int(spark.sparkContext.defaultParallelism))


def _open(master: str) -> SparkSession:
    # Which Python the workers run: the environment variable reaches them, the setting does not.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = (
        SparkSession.builder.master(master)
        .appName("vigie score")
        .config("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={_LOG_SETTINGS.as_uri()}")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.executorEnv.TOKENIZERS_PARALLELISM", "false")
    )
    for name in _ONE_THREAD:
        builder = builder.config(f"spark.executorEnv.{name}", "1")
    if _on_this_machine(master):
        # Nothing of a job among local processes is anybody else's to see.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.config("spark.ui.enabled", "false")
    # It has not learnt all of pandas 3; what the workers use of it is tested here. Said by every call, in any thread.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    try:
        return builder.getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise Unavailable(f"Spark could not be started on {master}: {first_line(error)}") from None


def failure(error: Exception) -> VigieError:
    """The sentence for what Spark or the cluster raised while the job ran."""
    ours = re.findall(r"vigie_trainer\.errors\.Misuse: (.+)", str(error))
    if ours:
        return Misuse(ours[-1].strip())
    model = re.findall(r"vigie_model\.errors\.ArtifactError: (.+)", str(error))
    if model:
        return VigieError(f"the model cannot be loaded on the cluster: {model[-1].strip()}")
    python = re.findall(r"^(\w*(?:Error|Exception): .+)$", str(error), re.MULTILINE)
    reason = python[-1].strip() if python else first_line(error)
    return VigieError(
        f"the job failed on the cluster: {reason}. What is done stays done: the same command goes on from there."
    )


def first_line(error: BaseException) -> str:
    """What a Java or Spark error says, without its stack."""
    text = str(error)
    java = re.search(r"^(?:: )?[\w.$]+(?:Exception|Error): (.+)$", text, re.MULTILINE)
    return (java.group(1) if java else text.strip().partition("\n")[0]) or type(error).__name__


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(str(Path(home, "bin", "java")) if home else "java")
    advice = "install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless), or name its folder in JAVA_HOME."
    if java is None:
        raise Misuse(f"Spark needs Java {OLDEST_JAVA} or newer, and there is none: {advice}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    version = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if version is None or int(version.group(1)) < OLDEST_JAVA:
        raise Misuse(f"Spark needs Java {OLDEST_JAVA} or newer, and {java} is older: {advice}")


def _check_master(master: str) -> None:
    """Spark itself would knock for a minute, then say it in a stack trace."""
    match = re.fullmatch(r"spark://(?P<hosts>[^/]+)", master)
    if match is None:
        if re.fullmatch(r"local(\[.+\])?|yarn|k8s://.+", master) is None:
            raise Misuse(f"{master!r} names no Spark cluster: give spark://host:7077, yarn, k8s://…, or local[*].")
        return
    problems = []
    for address in match["hosts"].split(","):
        host, _, port = address.rpartition(":") if ":" in address else (address, "", str(_STANDALONE_PORT))
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S):
                return
        except (OSError, ValueError) as error:
            problems.append(f"{address}: {getattr(error, 'strerror', None) or error}")
    raise Unavailable(
        f"the Spark master {master} does not answer ({'; '.join(problems)}): is it running, and is this its address?"
    )


def _on_this_machine(master: str) -> bool:
    return re.fullmatch(r"local(\[.+\])?|spark://(127\.[\d.]+|localhost|\[::1\])(:\d+)?", master) is not None


def _await_executors(spark: SparkSession, master: str) -> None:
    """Wait until executors come no more; a cluster without a free worker would else let the job wait for ever.

    How a job is cut depends on how many there are. Those that come later work all the same.
    """
    if master.startswith("local"):
        return
    began = changed = time.monotonic()
    seen = 0
    while not seen or time.monotonic() < min(changed + _STEADY_S, began + _EXECUTORS_S):
        # The driver is one of those that the status counts.
        now = int(spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size()) - 1
        if now != seen:
            seen, changed = now, time.monotonic()
        if not seen and time.monotonic() > began + _EXECUTORS_S:
            raise Unavailable(
                f"the cluster at {master} gave no executor within {_EXECUTORS_S:.0f} s: has it a worker, and has the "
                "worker a free core and 1 GB of memory (spark.executor.memory) left?"
            )
        time.sleep(0.1)


def _quietly_cancel(spark: SparkSession) -> None:
    try:
        spark.sparkContext.cancelAllJobs()
    except (Py4JError, OSError):  # the driver's Java is gone already, and with it its jobs
        return


def _in_main() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()
