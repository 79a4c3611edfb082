"""What the two-layer ReLU program refuses, in a sentence each."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from optathlon.baselines.convex_networks import relu_program

SMALL = np.random.default_rng(0).standard_normal((6, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [[np.nan, 1.0]] * 6}, "X must be finite, got 6 entries"),
        ({"X": np.ones(6)}, "X must be 2-dimensional"),
        ({"X": np.ones((6, 2), dtype=complex)}, "X must hold real numbers"),
        ({"X": np.empty((6, 0))}, "X must not be empty"),
        ({"y": np.ones(5)}, "one entry per row of X"),
        ({"y": [1.0, 2.0, np.inf, 1.0, 1.0, 1.0]}, "y must be finite"),
        ({"y": np.ones((6, 2))}, "y must be 1-dimensional"),
        ({"beta": "1"}, "beta must be a number, got '1'"),
        ({"beta": True}, "beta must be a number, got True"),
        ({"X": SMALL > 0}, "X must hold real numbers, got dtype bool"),
        ({"X": csr_array(SMALL)}, "X must be a dense array, got csr_array"),
        ({"X": SMALL * 1e200}, "X must have its largest magnitude between"),
        ({"beta": 0.0}, "beta must be finite and greater than 0, got 0.0"),
        ({"beta": -1.0}, "beta must be finite and greater than 0"),
        ({"beta": np.nan}, "beta must be finite"),
        ({"beta": "a"}, "beta must be a number"),
        ({"patterns": np.ones((5, 1))}, "patterns must have one row per row of X"),
        ({"patterns": 2 * np.ones((6, 1))}, "patterns must hold only 0 and 1"),
        ({"patterns": np.ones((6, 0))}, "patterns must not be empty"),
        ({"patterns": np.ones(6)}, "patterns must be 2-dimensional"),
        ({"solver": "newton"}, "solver must be one of ssnal, admm, clarabel, scs, got 'newton'"),
        ({"tol": 0.0}, "tol must be finite and greater than 0"),
        ({"max_steps": 0}, "max_steps must be a whole number"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(change, message):
    given = {"X": SMALL, "y": np.ones(6), "beta": 1.0, "patterns": np.ones((6, 1)), **change}
    with pytest.raises(ValueError, match=message):
        relu_program(**given)


@pytest.mark.parametrize(
    ("solver", "n", "d", "P"),
    [("ssnal", 4, 20_000, 1), ("clarabel", 4000, 100, 60), ("scs", 4000, 100, 60), ("admm", 12_000, 1, 2)],
)
def test_programs_that_need_too_much_memory_are_refused_with_the_estimate(solver, n, d, P):
    with pytest.raises(ValueError, match=r"would need about .* GiB"):
        relu_program(np.ones((n, d)), np.ones(n), 1.0, patterns=np.tril(np.ones((n, P))), solver=solver)


def test_patterns_that_need_too_much_memory_are_refused_with_the_estimate():
    patterns = np.broadcast_to(np.int8(1), (100_000, 10_000))
    with pytest.raises(ValueError, match=r"patterns of shape .* would need about .* GiB"):
        relu_program(np.ones((100_000, 1)), np.ones(100_000), 1.0, patterns=patterns)


def test_objectives_take_a_column_of_labels_for_them_and_refuse_others():
    from optathlon.baselines.convex_networks import classification_objective, network_objective

    rng = np.random.default_rng(8)
    X, y = rng.standard_normal((6, 2)), rng.choice([-1.0, 1.0], 6)
    W1, w2 = rng.standard_normal((2, 3)), rng.standard_normal(3)
    for objective in (network_objective, classification_objective):
        assert objective(X, y[:, None], 0.1, W1, w2) == objective(X, y, 0.1, W1, w2)
        with pytest.raises(ValueError, match="y must have one entry per row of X"):
            objective(X, y[:1], 0.1, W1, w2)
