"""One document of `vigie leaderboard --json` out of several, when the runs are in more than one MLflow store.

    uv run python scripts/merge_boards.py docs/results/full.json newer.json > merged.json

A run that is in two of them comes once, as the later document has it. The champion is the first document's.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from vigie_trainer.leaderboard import ranked


def merged(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The runs of all documents, ranked as the leaderboard ranks them."""
    runs = {run["run_id"]: run for document in documents for run in document["runs"]}
    return {"runs": ranked(runs.values()), "champion": documents[0]["champion"]}


def main() -> None:
    """Read the documents, print the merged one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("board", nargs="+", type=Path)
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in parser.parse_args().board]
    print(json.dumps(merged(documents), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
