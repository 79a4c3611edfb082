"""What the clock of the board leaves out: compilation, once on a machine, and reading kernels, once in a process.

A process enumerates the arrangements of five points and solves the program over them three times, first with an empty cache of
kernels, then with the one that it leaves.
"""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, time
import numpy as np
from optathlon.baselines.convex_networks import enumerate_patterns, relu_program
X = np.column_stack([np.linspace(-2, 2, 5), np.ones(5)])
y = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
seconds = []
for _ in range(3):
    started = time.process_time()
    relu_program(X, y, 0.1, patterns=enumerate_patterns(X))
    seconds.append(time.process_time() - started)
print(json.dumps(seconds))
"""


@pytest.mark.slow
def test_first_calls_cost_more_than_later_ones(tmp_path, benchmark):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}

    def process():
        out = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
        return json.loads(out.stdout)

    cold = process()
    warm = benchmark.pedantic(process, rounds=1)
    print(f"\nCPU s of a first call {cold[0]:.2f} (compiling), {warm[0]:.3f} (compiled before); of a later one {warm[-1]:.4f}")
    assert cold[0] > 3 * warm[0] > 3 * warm[-1]
