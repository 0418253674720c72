"""Run the whole battery and print its table: ``python -m tests.battery [--fast] [method ...]``."""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.battery import problems, runs

COLUMNS = (
    "method", "runs", "not run", "worst error / allowed", "least estimate / error", "largest estimate / error",
    "not right", "not honest", "not useful",
)  # fmt: skip
names = [name for name in sys.argv[1:] if not name.startswith("-")] or runs.NAMES
cases = problems.fast() if "--fast" in sys.argv else problems.everything()
print(f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}", sep="\n")
for method in names:
    done, left_out = [], 0
    for case in cases:
        for rtol in runs.TOLERANCES:
            if rtol < 1e-9 and method in ("bdf", "radau"):
                continue
            run = runs.run(case, method, rtol)
            if run is None:
                left_out += 1
                continue
            done.append(run)
            if not (run.right and run.honest and run.useful):
                print(run, file=sys.stderr, flush=True)
    worst = max((run.error / run.allowed for run in done if run.error > run.rounding), default=0.0)
    ratios = [run.estimate / run.error for run in done if run.error > 10 * run.rounding]
    least, largest = (min(ratios), max(ratios)) if ratios else (math.nan, math.nan)
    wrong = [sum(not getattr(run, what) for run in done) for what in ("right", "honest", "useful")]
    cells = [method, len(done), left_out, *(f"{x:.2g}" for x in (worst, least, largest)), *wrong]
    print("|", " | ".join(str(cell) for cell in cells), "|", flush=True)
