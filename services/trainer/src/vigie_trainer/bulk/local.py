"""The local engine: every core of this machine, constant memory, and a run that goes on where another stopped."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import vigie_model
from vigie_model.bulk.cutting import Chunk
from vigie_trainer.bulk.job import STANDARD, ScoreJob, ScoreReport
from vigie_trainer.bulk.journal import Done, Journal
from vigie_trainer.bulk.progress import Progress
from vigie_trainer.bulk.reading import Source, opened
from vigie_trainer.bulk.workers import Task, available_cores, told_in_order
from vigie_trainer.bulk.writing import format_for
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Interrupted, Misuse


def score_locally(job: ScoreJob, terminal: Terminal) -> ScoreReport:
    """Score a file with a process a core.

    Raises:
        Misuse: input or output cannot be used. VigieError: the model cannot be loaded, or a process died.
        Interrupted: what is done stays beside the output, and the same job goes on there.
    """
    began_s = time.monotonic()
    with opened(job) as source:
        if job.output == STANDARD:
            done, resumed = _to_stdout(job, source, terminal), 0
        else:
            done, resumed = _to_file(job, source, terminal)
    return ScoreReport(done.rows, done.scored, done.refused, resumed, time.monotonic() - began_s, job.output)


def _to_stdout(job: ScoreJob, source: Source, terminal: Terminal) -> Done:
    form = format_for(job.output, source.kept)
    out = sys.stdout.buffer
    out.write(form.head())
    progress = Progress(terminal, source, 0)
    done = Done()
    with closing(told_in_order(source.units(), Task(job.artifact, source.reader, form), _workers(job))) as told:
        for data, rows, refused in told:
            out.write(data)
            out.flush()
            done = Done(done.rows + rows, done.scored + rows - refused, done.refused + refused)
            progress(done.rows)
    return done


def _to_file(job: ScoreJob, source: Source, terminal: Terminal) -> tuple[Done, int]:
    """How far it came, and how many rows of that an earlier run had done."""
    output = Path(job.output)
    form = format_for(job.output, source.kept)
    if output.is_dir():
        raise Misuse(f"{output} is a folder; name a file.")
    if output.exists() and not job.overwrite:
        raise Misuse(f"{output} is there already; --overwrite replaces it.")
    once_only = job.input == STANDARD
    journal = Journal(output, _identity(job), fresh=job.overwrite or once_only)
    resumed = journal.done.rows
    try:
        if resumed:
            terminal.say(f"{journal.partial} has {resumed:,} rows already; going on from there")
        elif not journal.done.size:
            journal.append(form.head())
        progress = Progress(terminal, source, resumed)
        units = _after(source.units(), resumed)
        with closing(told_in_order(units, Task(job.artifact, source.reader, form), _workers(job))) as told:
            for data, rows, refused in told:
                journal.append(data, rows=rows, refused=refused)
                progress(journal.done.rows)
        journal.sync()
        form.finish(journal.partial, output)
        journal.finished()
    except BaseException as error:
        if once_only or not journal.done.rows:
            journal.discard()
        else:
            journal.sync()
            if isinstance(error, Interrupted):
                terminal.say(f"{journal.done.rows:,} rows are in {journal.partial}; the same command goes on there")
        raise
    finally:
        journal.close()
    return journal.done, resumed


def _after(units: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
    """The units that follow so many rows."""
    return (unit for unit in units if unit.first_row > rows)


def _workers(job: ScoreJob) -> int:
    return job.workers or available_cores()


def _identity(job: ScoreJob) -> dict[str, Any]:
    """What must be the same for a run to go on with another's rows."""
    known: dict[str, Any] = {
        "model": vigie_model.artifact_digest(job.artifact),
        "text column": job.text_column,
        "kept columns": list(job.keep),
        "longest text": job.max_text_chars,
        "input": job.input,
    }
    if job.input != STANDARD:
        path = Path(job.input)
        found = path.stat()
        known |= {"input": str(path.resolve()), "input's size": found.st_size, "input's date": found.st_mtime_ns}
    return known
