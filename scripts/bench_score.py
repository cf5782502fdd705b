"""Bulk scoring: `/v1/score`, `vigie score`, and scikit-learn's own vectorisers in a loop, over the same artifact.

    uv run python scripts/bench_score.py --data sentiment140_16k.csv.gz --rows 160000

Trains tfidf_logreg on the train side of the data, repeats the rows, and prints for each way: tweets a second, processor
seconds of all its processes, and the peak memory of the largest. scikit-learn gets a tenth of the rows. Each way runs
alone; on a machine that others use, compare the processor seconds.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

APPS = Path(__file__).with_name("bench_apps.py")


def input_file(folder: Path, texts: list[str], rows: int) -> Path:
    """NDJSON of so many rows, the texts again and again."""
    path = folder / "posts.ndjson"
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(itertools.islice(itertools.cycle(texts), rows)):
            file.write(json.dumps({"id": number, "text": text}) + "\n")
    return path


def stream(folder: Path, posts: Path) -> None:
    """The API in a process of its own, curl beside it."""
    from vigie_api.app import create_app
    from vigie_api.champion.source import FixedSource, load_artifact
    from vigie_api.server import listen, worker
    from vigie_api.settings import Settings

    settings = Settings(home=folder / "api", rate_per_minute=0)
    bound = listen("127.0.0.1", 0)
    server = worker(create_app(settings, model_source=FixedSource(load_artifact(folder / "artifact"))), settings)
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    out = folder / "stream.ndjson"

    def ask() -> None:
        while not server.started:
            time.sleep(0.01)
        warm = ["curl", "-sS", "-X", "POST", "-H", "Content-Type: application/x-ndjson", f"{address}/v1/score"]
        subprocess.run([*warm, "--data", '{"text": "warm"}', "-o", os.devnull], check=True)
        began_s = time.perf_counter()
        subprocess.run([*warm, "-T", str(posts), "-o", str(out)], check=True)
        (folder / "seconds").write_text(str(time.perf_counter() - began_s))
        (folder / "peak").write_text(str(_peak_of_children_mb()))
        server.should_exit = True

    asking = threading.Thread(target=ask)
    asking.start()
    server.run(sockets=[bound])
    asking.join()
    with out.open("rb") as file:
        file.seek(-500, os.SEEK_END)
        last = json.loads(file.read().splitlines()[-1])
    if not last["done"] or last["refused"]:
        raise SystemExit(f"the stream ended with {last}")


def local(folder: Path, posts: Path) -> None:
    """The command, its start included."""
    command = [str(Path(sys.executable).parent / "vigie"), "score", "--input", str(posts)]
    command += ["--output", str(folder / "local.ndjson"), "--model", str(folder / "artifact"), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (folder / "seconds").write_text(str(json.loads(done.stdout)["seconds"]))


def sklearn(folder: Path, posts: Path) -> None:
    """scikit-learn's FeatureUnion and LogisticRegression with the artifact's weights, a thousand texts at a time."""
    sys.path.insert(0, str(APPS.parent))
    from bench_apps import sklearn_pipeline

    pipeline = sklearn_pipeline(folder / "artifact")
    texts = [json.loads(line)["text"] for line in posts.read_text(encoding="utf-8").splitlines()]
    texts = texts[: len(texts) // 10]
    began_s = time.perf_counter()
    for start in range(0, len(texts), 1_000):
        pipeline.predict_proba(texts[start : start + 1_000])
    (folder / "seconds").write_text(str(time.perf_counter() - began_s))


def _peak_of_children_mb() -> float:
    """The largest of our direct children, from /proc."""
    peaks = [0.0]
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                peaks.append(int(line.split()[1]) / 1_024)
    return max(peaks)


def measured(way: Callable[[Path, Path], None], folder: Path, posts: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds of everything, and megabytes at the peak, of one way in a process of its own."""
    (folder / "peak").unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(way, folder, posts))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{way.__name__} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float((folder / "seconds").read_text()), cpu_s, float((folder / "peak").read_text())


def _run(way: Callable[[Path, Path], None], folder: Path, posts: Path) -> None:
    way(folder, posts)
    own = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1_024
    kept = folder / "peak"
    kept.write_text(str(max(own, float(kept.read_text()) if kept.exists() else 0.0)))


def main() -> int:
    """Parse, prepare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("VIGIE_DATA"), help="labelled CSV (default: the demo corpus)")
    parser.add_argument("--rows", type=int, default=160_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as temporary:
        folder = Path(temporary)
        prepare = [sys.executable, str(APPS), "prepare", "--artifact", str(folder)]
        subprocess.run(prepare + (["--data", arguments.data] if arguments.data else []), check=True)
        texts = _texts(arguments.data)
        posts = input_file(folder, texts, arguments.rows)
        print(f"\n{arguments.rows:,} rows of {len(texts):,} texts, {os.cpu_count()} cores\n")
        print("| way | tweets/s | processor s per million | peak MB of the largest process |\n|---|---|---|---|")
        for way in (stream, local, sklearn):
            rows = arguments.rows // 10 if way is sklearn else arguments.rows
            seconds, cpu_s, peak_mb = measured(way, folder, posts)
            print(
                f"| {way.__name__} | {rows / seconds:,.0f} | {cpu_s / rows * 1e6:,.0f} | {peak_mb:,.0f} |", flush=True
            )
    return 0


def _texts(data: str | None) -> list[str]:
    from vigie_trainer.data.demo import demo_posts
    from vigie_trainer.data.reading import read_texts

    return read_texts(Path(data)).texts if data else demo_posts().texts


if __name__ == "__main__":
    raise SystemExit(main())
