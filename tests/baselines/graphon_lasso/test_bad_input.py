"""Bad input is refused at the door, in a sentence that says which argument, what is required and what was given."""

import numpy as np
import pytest

from optathlon.baselines.graphon_lasso import certify, graphon_lasso, is_connected

S = np.eye(3)
MU = np.array([0.0, 1.0, 2.0])
CASES = [
    ((np.ones((2, 3)),), {}, r"S must be a square matrix with at least two rows, got shape \(2, 3\)"),
    ((np.eye(1),), {}, r"S must be a square matrix with at least two rows, got shape \(1, 1\)"),
    ((np.ones(3),), {}, r"S must have 2 axes, got shape \(3,\)"),
    (([[1.0, 2.0], [3.0]],), {}, "S must be a rectangular array of real numbers"),
    (([["a", "b"], ["b", "a"]],), {}, "S must hold real numbers, got dtype"),
    ((np.eye(2) * 1j,), {}, "S must hold real numbers, got dtype complex128"),
    ((np.array([[1.0, 0.1], [0.2, 1.0]]),), {}, "S must be symmetric, got entries that differ from the transpose by up to 0.1"),
    ((np.array([[1.0, np.nan], [np.nan, 1.0]]),), {}, "S must be finite, got 2 NaN or infinite entries"),
    ((np.full((2, 2), np.inf),), {}, "S must be finite"),
    ((np.eye(2) * 1e60,), {}, r"S must have entries of magnitude at most 1e\+50, got 1e\+60"),
    ((np.ones((3, 3)),), {}, r"S must give S_ii \+ S_jj - 2 S_ij \+ alpha > 0 for every pair .* got 0; raise alpha"),
    ((-np.eye(3),), {}, "S must give S_ii .* got -2; raise alpha"),
    ((np.eye(3) * 1e-60,), {}, "S must give S_ii .* of at least 1e-50, got 2e-60; rescale S"),
    ((S, MU[:2]), {"gamma": 1.0}, "mu must have one eigenvalue per row of S, 3, got 2"),
    ((S, MU[::-1]), {"gamma": 1.0}, "mu must be ascending, got 2 before 1 at position 0"),
    ((S, [0.0, 2.0, 1.0]), {"gamma": 1.0}, "mu must be ascending, got 2 before 1 at position 1"),
    ((S, [-1.0, 0.0, 1.0]), {"gamma": 1.0}, "mu must be between 0 and 1e\\+50, got -1 to 1"),
    ((S, [0.0, 1.0, np.nan]), {"gamma": 1.0}, "mu must be finite, got 1 NaN"),
    ((S, MU[None]), {"gamma": 1.0}, r"mu must have 1 axis, got shape \(1, 3\)"),
    ((S,), {"gamma": 1.0}, "mu must be given where gamma is above 0, got mu=None with gamma=1"),
    ((S,), {"alpha": -1.0}, "alpha must be a finite number of at least 0, got -1.0"),
    ((S,), {"alpha": np.inf}, "alpha must be a finite number of at least 0, got inf"),
    ((S,), {"alpha": 1e60}, "alpha and S must give costs of edges of at most"),
    ((S,), {"beta": 0.0}, "beta must be a finite number above 0, got 0.0"),
    ((S,), {"beta": -2}, "beta must be a finite number above 0, got -2"),
    ((S,), {"beta": "10"}, "beta must be a finite number above 0, got '10'"),
    ((S, MU), {"gamma": -0.1}, "gamma must be a finite number of at least 0, got -0.1"),
    ((S, MU), {"gamma": np.nan}, "gamma must be a finite number of at least 0, got nan"),
    ((S,), {"tol": 0.0}, "tol must be a finite number above 0, got 0.0"),
    ((S,), {"max_steps": 0}, "max_steps must be an integer of at least 1, got 0"),
    ((S,), {"max_steps": True}, "max_steps must be an integer of at least 1, got True"),
    ((S,), {"solver": "sgd"}, "solver must be one of 'newton-cg', 'admm', 'lbfgs', 'block-mm', 'fista', got 'sgd'"),
    ((S,), {"start": np.ones(2)}, "start must have 3 weights for 3 nodes, got 2"),
    ((S,), {"start": -np.ones(3)}, "start must be non-negative, got -1"),
    ((S,), {"start": [1.0, np.nan, 1.0]}, "start must be finite, got 1 NaN"),
]


@pytest.mark.parametrize(("arguments", "settings", "message"), CASES)
def test_refused_in_a_sentence(arguments, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        graphon_lasso(*arguments, **settings)
    assert "\n" not in str(caught.value)


def test_certify_refuses_the_same_and_bad_weights():
    with pytest.raises(ValueError, match="w must be non-negative, got -1"):
        certify(S, None, [1.0, -1.0, 0.0])
    with pytest.raises(ValueError, match="w must have 3 weights for 3 nodes, got 1"):
        certify(S, None, [1.0])
    with pytest.raises(ValueError, match="beta must be a finite number above 0"):
        certify(S, None, [1.0, 1.0, 1.0], beta=0)


def test_connected_is_told():
    assert is_connected([1.0])
    assert not is_connected([0.0])
    assert is_connected([1.0, 0.0, 2.0])
    assert not is_connected([1.0, 0.0, 0.0])
