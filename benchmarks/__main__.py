"""Run the benchmarks and write their tables."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import history, readme, scaling
from benchmarks.cases import CASES
from benchmarks.measure import measure
from benchmarks.report import markdown
from benchmarks.runner import ROOT, Runner

# Seconds for everything: by default and with --quick.
BUDGET, BUDGET_QUICK = 870.0, 110.0
# Seconds for any run with --quick.
TIME_LIMIT_QUICK = 15.0


def main() -> None:
    """Command line of `python -m benchmarks`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="piqs against its peers.")
    parser.add_argument("--quick", action="store_true", help="small N only; less than two minutes")
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=CASES,
        help=f"one of {', '.join(CASES)}; may be repeated",
    )
    parser.add_argument(
        "--time-limit", metavar="S", type=float, help="seconds after which any run is given up"
    )
    parser.add_argument(
        "--budget", metavar="S", type=float, help="seconds for everything, on a slower machine"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder for results.md and results.json (default: benchmarks/ for whole runs)",
    )
    parser.add_argument(
        "--readme",
        action="store_true",
        help="measure nothing; renew the table of README.md from results.json",
    )
    parser.add_argument(
        "--count",
        action="store_true",
        help="time nothing; append the counters of small problems to history.jsonl",
    )
    options = parser.parse_args()
    if options.count:
        history.append()
        return
    if options.readme:
        readme.update(json.loads((ROOT / "benchmarks" / "results.json").read_text()))
        return

    limit = options.time_limit or (TIME_LIMIT_QUICK if options.quick else None)
    budget = options.budget or (BUDGET_QUICK if options.quick else BUDGET)
    runner = Runner(budget, limit)
    results = measure(
        runner, options.only or list(CASES), options.quick, lambda line: print(line, flush=True)
    )
    page = markdown(results)
    print("\n" + page)
    whole = not options.quick and not options.only
    folder = options.out or (ROOT / "benchmarks" if whole else None)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (folder / "results.md").write_text(page)
    if whole:
        history.append(results)
        scaling.draw(results["cases"])


if __name__ == "__main__":
    main()
