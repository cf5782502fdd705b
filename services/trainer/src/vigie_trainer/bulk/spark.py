"""The Spark engine: a job in parts, each scored on the cluster and committed at once, so that a restart goes on."""

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

import vigie_model
from vigie_trainer.bulk.job import STANDARD, VERDICT_COLUMNS, ScoreJob, ScoreReport
from vigie_trainer.bulk.spark_files import HadoopFiles
from vigie_trainer.bulk.spark_frames import Scoring
from vigie_trainer.bulk.spark_journal import Journal, Part, PartDone, Plan, part_ends
from vigie_trainer.bulk.spark_progress import Progress
from vigie_trainer.bulk.spark_session import cores, failure, session
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Misuse

LOCAL_MASTER = "local[*]"
_MEBIBYTE = 1024 * 1024
# What an interruption costs at most, for each core: some minutes of its work.
_PART_BYTES_A_CORE = 256 * _MEBIBYTE
# Two parts at a time: while the last tasks of one run, the other's fill the cores that are free already.
_PARTS_AT_ONCE = 2


def score_with_spark(job: ScoreJob, *, master: str | None = None, part_bytes: int | None = None) -> ScoreReport:
    """Score files with the cluster at `master`; the output is a folder of Parquet files.

    Args:
        job: its input is a file, a folder or a pattern, on any storage that the cluster reads.
        master: spark://host:7077, yarn, k8s://…; None is Spark on the cores of this machine.
        part_bytes: input that is done, and done again after an interruption, as a whole; None is 256 MiB a core.

    Raises:
        Misuse: no Java, an input that cannot be read, or an output that is another job's.
        VigieError: the cluster failed; the same call goes on where it stopped.
    """
    started = time.monotonic()
    if STANDARD in (job.input, job.output):
        raise Misuse("Spark reads and writes files and folders, not standard input and output.")
    if job.workers is not None:
        raise Misuse("--workers is for the local engine; how many cores a cluster gives is spark.cores.max.")
    terminal = Terminal()
    digest = vigie_model.artifact_digest(job.artifact)
    with _explained(), TemporaryDirectory() as scratch, session(master or LOCAL_MASTER) as spark:
        files = HadoopFiles(spark)
        found = tuple(files.find(files.address(job.input)))
        if not any(file.size for file in found):
            raise Misuse(f"there is nothing to score at {job.input}.")
        slots = cores(spark)
        ends = part_ends(found, part_bytes or slots * _PART_BYTES_A_CORE)
        asked = Plan(digest, job.text_column, job.keep, job.max_text_chars, found, ends)
        journal = Journal(files, files.address(job.output))
        plan, done = journal.open(asked, overwrite=job.overwrite)
        resumed = sum(part.rows for part in done.values())
        if done:
            terminal.say(f"{len(done)} of {len(plan.parts)} parts are done already, {resumed:,} rows")
        left = [part for part in plan.parts if part.number not in done]
        if left:
            scoring = Scoring.prepared(spark, job, digest, plan.parts, slots, Path(scratch))
            progress = Progress(terminal, spark, plan.parts, done)
            with progress.shown(), closing(_run(scoring, journal, left)) as results:
                for part, result in results:
                    done[part.number] = result
        journal.close()
    rows, with_verdict = sum(part.rows for part in done.values()), sum(part.scored for part in done.values())
    return ScoreReport(rows, with_verdict, rows - with_verdict, resumed, time.monotonic() - started, job.output)


def _run(scoring: Scoring, journal: Journal, parts: Sequence[Part]) -> Generator[tuple[Part, PartDone], None, None]:
    """Score parts, two at a time, and give each when it is whole and noted."""
    with ThreadPoolExecutor(_PARTS_AT_ONCE, "vigie-part") as pool:
        running = [pool.submit(_score_part, scoring, journal, part) for part in parts]
        try:
            for one in as_completed(running):
                yield one.result()
        finally:
            # Those that run already end with the session.
            for one in running:
                one.cancel()
            scoring.spark.sparkContext.cancelAllJobs()


def _score_part(scoring: Scoring, journal: Journal, part: Part) -> tuple[Part, PartDone]:
    folder = journal.folder(part)
    scoring.rows(part).write.mode("overwrite").option("compression", "zstd").parquet(folder)
    # Told by what is there, not by what was sent: a task that ran twice would count twice.
    written = scoring.spark.read.parquet(folder)
    rows, with_verdict = written.agg(f.count(f.lit(1)), f.count(VERDICT_COLUMNS[0])).collect()[0]
    result = PartDone(rows, with_verdict)
    journal.finish(part, result)
    return part, result


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what Spark raises into sentences."""
    try:
        yield
    except (PySparkException, Py4JError, Py4JNetworkError) as error:
        raise failure(error) from error
