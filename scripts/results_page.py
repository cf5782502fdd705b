"""Write docs/results.md from the committed `vigie leaderboard --json`; --check fails when the page is out of date."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generated_page import write_or_check
from vigie_trainer.leaderboard_page import figure, newest, seconds
from vigie_trainer.published import SAMPLES, published, published_for
from vigie_trainer.recipe import Recipe, load_recipe
from vigie_trainer.scoring.intervals import wilson

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "results.md"
BOARDS = {"16k": DOCS / "results" / "16k.json", "full": DOCS / "results" / "full.json"}
CURVES = DOCS / "results" / "learning_curves.json"
TRIED = DOCS / "results" / "tried.json"
CORPUS_ROWS = 1_600_000
TITLES = {
    "16k": "16,000 tweets",
    "full": "All the tweets at hand",
}
WHAT = {
    "16k": "The 16,000 tweets alone: 80 % to train on, less the texts that are held out.",
    "full": "The same, and the rows of `sentiment140_more.csv.gz` on the train side. That file is no uniform sample of "
    "the corpus, so calibration and the uncertain band come from the 16,000 alone. Tested on the same rows.",
}
INTRODUCTION = """# Results

<!-- Written by scripts/results_page.py from docs/results/*.json: run `make format`. -->

Tweets of Sentiment140, split 80/20 in file order with seed 42; the held-out tweets are scored once by each finished
recipe. Parameters are chosen by cross-validation on the train side. Two cores. Intervals are 95 % (Wilson).

- *fit* is the final fit, *encoding* the time a frozen encoder took for its texts (next to nothing once they are in the
  cache), *search* the cross-validation that chose the parameters.
- *one text* is the median and, in brackets, the 95th percentile of 200 tweets judged one by one on two threads.
- *published* is what two studies of the same task report for the method: the first on exactly these 16,000 tweets, the
  second (L) on a larger sample. Their machines are others; their times are told for the order of magnitude.

Five things to know. The *fit* and the memory of `ensemble` leave out those of its networks that their own recipe had
trained before. The machine did other work while these figures were taken, so every time is an upper bound (`bert`
on one of its two cores). And `bert` was scored in the 16,000-tweet protocol with three lengths of training, the choice
between them made on train rows that were left out: 2 epochs without dropout 0.8191, 4 epochs with masked words 0.8178,
3 epochs the figure below; `ensemble` accordingly with the first (0.8231) and the last. Likewise `tfidf_logreg`: before
cross-validation made it tell words that a negation reaches, its figures were 0.7759 and, in the larger protocol,
0.7978. The ensemble's n-grams are still without it. Last, transformers now multiply in 8 bits, but for `bert` and
`ensemble` of the larger protocol, which are as they were. In the small one these two were trained anew for it, and
training on two threads does not repeat itself: before, they had 0.8263 and 0.8284; of the new weights of `bert`, 32-bit
products have 0.8203 right and 8-bit ones 0.8200.
"""
HEADINGS = (
    "recipe", "accuracy", "95 %", "ROC AUC", "F1 macro", "log loss", "ECE", "search", "encoding", "fit", "one text, ms",
    "size MB", "published", "published fit",
)  # fmt: skip
REPORTS = """
Two more sets, of which nothing was chosen but the French threshold: the tweets that people labelled ({manual:,}
rows of Sentiment140's own test file, neutral ones set aside), and French tweets, which **are used for calibration**, so
that their figure flatters.

| recipe | labelled by people | 95 % | French, used for calibration | 95 % |
|---|---|---|---|---|
{table}
{learned}"""
LEARNED = "\n† A member of it has learned from these French tweets, too: no measure of its French at all.\n"
WHOLE = """## What the whole corpus would cost

Sentiment140 has {rows:,} tweets. Time (search, encoding and fit) and peak memory of the training process on two cores,
measured by both protocols, and the straight line through the two carried on to all of them. Recipes whose search or
examples are bounded will cost less, those whose embeddings were in the cache more.

| recipe | {small:,} rows | {large:,} rows | all, extrapolated |
|---|---|---|---|
{table}
"""
CURVE = """## What more rows bring

Accuracy and ROC AUC on {scored:,} rows of the small protocol's train side that are left out, against the number of rows
learned from (beyond 11,190 they come from the larger file): where a recipe still rises, more tweets would help it;
where it is flat, they would not. The fit times of `tfidf_lgbm` and `use_mlp` are those of
a crowded machine; `tfidf_logreg` is that of before it marked negated words.

| recipe | rows | accuracy | ROC AUC | fit |
|---|---|---|---|---|
{table}

`uv run python scripts/learning_curve.py {names} --data FOLDER --rows {sizes}`
"""
TRYING = """## What was tried

Means over the folds of cross-validation on the train side, best first; the held-out tweets are in none of them. At most
{scored:,} tweets are judged in each: a difference of half a point is about twice its standard error where two variants
differ on one tweet in twelve. *Shipped* marks what the recipe's file says.

| recipe | protocol | what was changed | accuracy | ROC AUC | |
|---|---|---|---|---|---|
{table}

`uv run python scripts/cross_validate.py RECIPE --data FOLDER NAME=VALUE,VALUE …`
"""
COMMANDS = """## To repeat it

[training.md](training.md) says how to make the folder of data, and what it all costs.

```sh
make setup && make deep
export VIGIE_DATA=/path/to/the/folder
uv run vigie train --all --protocol 16k
uv run vigie train --all --protocol full
uv run vigie leaderboard --protocol 16k --json > docs/results/16k.json
uv run vigie leaderboard --protocol full --json > docs/results/full.json
uv run python scripts/results_page.py
```
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for protocol, board in BOARDS.items():
        parts.append(f"## {TITLES[protocol]} (`--protocol {protocol}`)\n\n{WHAT[protocol]}\n")
        if not board.exists():
            parts.append(f"Not published yet: `vigie train --all --protocol {protocol}` makes these figures.\n")
            continue
        rows = newest(json.loads(board.read_text(encoding="utf-8"))["runs"])
        parts.append(_table(rows, protocol))
        parts.append(_reports(rows))
        parts.append(_untrained(rows))
    return "\n".join(part for part in [*parts, _tried(), _curves(), _whole(), COMMANDS] if part)


def _tried() -> str:
    """Variants under cross-validation; empty when none was measured."""
    if not TRIED.exists():
        return ""
    found = json.loads(TRIED.read_text(encoding="utf-8"))["tried"]
    lines = [
        f"| `{one['recipe']}` | {one['protocol']} | {_values(one['values'])} | {figure(one['accuracy'])} "
        f"| {figure(one['roc_auc'])} | {'shipped' if _is_shipped(one) else ''} |"
        for one in found
    ]
    return TRYING.format(scored=max(one["scored"] for one in found), table="\n".join(lines))


def _values(values: dict[str, Any]) -> str:
    """Values by their last two names, which say enough: `word.negation_span` 3."""
    return ", ".join(f"`{'.'.join(name.split('.')[-2:])}` {json.dumps(value)}" for name, value in values.items())


def _is_shipped(one: dict[str, Any]) -> bool:
    recipe = load_recipe(one["recipe"])
    return isinstance(recipe, Recipe) and recipe.with_values(one["values"]) == recipe.with_values({})


def _curves() -> str:
    """Accuracy against rows; empty when it was not measured."""
    if not CURVES.exists():
        return ""
    points = json.loads(CURVES.read_text(encoding="utf-8"))["points"]
    lines = [
        f"| `{one['recipe']}` | {one['rows']:,} | {figure(one['accuracy'])} | {figure(one['roc_auc'])} "
        f"| {seconds(one['fit_s'])} |"
        for one in points
    ]
    names = " ".join(dict.fromkeys(one["recipe"] for one in points))
    sizes = " ".join(str(size) for size in sorted({one["rows"] for one in points}))
    return CURVE.format(scored=points[0]["scored"], table="\n".join(lines), names=names, sizes=sizes)


def _whole() -> str:
    """Time and memory on all of Sentiment140, carried on from the two protocols; empty when one of them lacks."""
    if not all(board.exists() for board in BOARDS.values()):
        return ""
    small, large = (_by_recipe(json.loads(board.read_text(encoding="utf-8"))["runs"]) for board in BOARDS.values())
    lines, sizes = [], (0, 0)
    for name, row in large.items():
        points = [one for one in (small.get(name), row) if one and one.get("train_rows") and one.get("peak_memory_mb")]
        if len(points) == 2 and points[0]["train_rows"] < points[1]["train_rows"]:
            told = [f"{seconds(_time(one))}, {one['peak_memory_mb'] / 1e3:.1f} GB" for one in points]
            time_s, memory_mb = _carried_on(points, _time), _carried_on(points, lambda one: one["peak_memory_mb"])
            lines.append(f"| `{name}` | {told[0]} | {told[1]} | {seconds(time_s)}, {memory_mb / 1e3:.1f} GB |")
            sizes = points[0]["train_rows"], points[1]["train_rows"]
    if not lines:
        return ""
    return WHOLE.format(rows=CORPUS_ROWS, small=sizes[0], large=sizes[1], table="\n".join(lines))


def _by_recipe(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The newest run of each, with the memory that its training took, though it found the network trained already."""
    memory: dict[tuple[str, float], float] = {}
    for row in runs:
        training = (row["recipe"], row["fit_s"])
        memory[training] = max(memory.get(training, 0.0), float(row.get("peak_memory_mb") or 0.0))
    return {row["recipe"]: row | {"peak_memory_mb": memory[row["recipe"], row["fit_s"]]} for row in newest(runs)}


def _time(row: dict[str, Any]) -> float:
    return sum(float(row.get(name) or 0.0) for name in ("search_s", "encode_s", "fit_s"))


def _carried_on(points: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float:
    """The line through two measurements at the size of the corpus; never less than the larger one."""
    first, second = points
    sizes = [int(one["train_rows"]) for one in points]
    slope = (value(second) - value(first)) / (sizes[1] - sizes[0])
    return value(second) + max(0.0, slope) * (CORPUS_ROWS - sizes[1])


def _table(rows: list[dict[str, Any]], protocol: str) -> str:
    """The runs of a protocol, best first."""
    first = rows[0]["metrics"]
    held_out = int(first["support_negative"] + first["support_positive"])
    lines = [
        f"{held_out:,} held-out tweets.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
        *(f"| {' | '.join(_cells(row, protocol))} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _cells(row: dict[str, Any], protocol: str) -> list[str]:
    m = row["metrics"]
    rows = int(m["support_negative"] + m["support_positive"])
    low, high = m.get("accuracy_low"), m.get("accuracy_high")
    if low is None or high is None:  # logged before the interval was
        low, high = wilson(m["accuracy"] * rows, rows)
    latency = row.get("latency_ms")
    other = published_for(row["recipe"], protocol)
    return [
        f"`{row['recipe']}`",
        f"**{m['accuracy']:.4f}**",
        f"{low:.3f}–{high:.3f}",
        *(figure(m[name]) for name in ("roc_auc", "f1_macro", "log_loss", "ece")),
        *(seconds(row.get(name)) for name in ("search_s", "encode_s", "fit_s")),
        f"{latency['median']:.2f} ({latency['p95']:.2f})" if latency else "–",
        figure(row["artifact_mb"], 1),
        _published(other.accuracy if other else None, other.sample if other else ""),
        other.fit if other else "",
    ]


def _published(accuracy: float | None, sample: str) -> str:
    if accuracy is None:
        return ""
    return f"{accuracy} (L)" if sample == SAMPLES["full"] else f"{accuracy}"


def _reports(rows: list[dict[str, Any]]) -> str:
    """The figures on other test sets, when there are any."""
    found = [row for row in rows if row.get("manual_test") or row.get("french")]
    if not found:
        return ""
    lines = []
    for row in found:
        cells = [f"`{row['recipe']}`", *_report(row.get("manual_test")), *_report(row.get("french"))]
        if row.get("french") and row["french"].get("used_for_training"):
            cells[3] += " †"
        lines.append(f"| {' | '.join(cells)} |")
    manual = next((row["manual_test"]["rows"] for row in found if row.get("manual_test")), 0)
    learned = LEARNED if any("†" in line for line in lines) else ""
    return REPORTS.format(manual=manual, table="\n".join(lines), learned=learned).lstrip("\n")


def _report(report: dict[str, Any] | None) -> list[str]:
    if not report:
        return ["–", "–"]
    return [f"{report['accuracy']:.4f}", f"{report['low']:.3f}–{report['high']:.3f}"]


def _untrained(rows: list[dict[str, Any]]) -> str:
    """Published methods whose recipe has no run here."""
    there = {row["recipe"] for row in rows}
    lacking = dict.fromkeys(one.recipe for one in published() if one.recipe not in there)
    if not lacking:
        return ""
    return f"No run here yet of {', '.join(f'`{recipe}`' for recipe in lacking)}.\n"


if __name__ == "__main__":
    raise SystemExit(write_or_check(PAGE, page, __doc__))
