"""Bad input is refused at the door by every function, in a sentence that names the argument."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optathlon.baselines.binary_regression import (
    bop,
    box_relaxation,
    exact,
    general_condition,
    least_squares,
    lll,
    logistic_loss,
    logistic_maximin,
    low_noise_condition,
    maximin,
    nearest_plane,
    robust_condition,
    semidefinite_relaxation,
    straight_through,
    tabu_search,
)

METHODS = [least_squares, box_relaxation, straight_through, bop, semidefinite_relaxation, maximin, exact, tabu_search]
GOOD_X, GOOD_Y = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 1.0]]), np.array([1.0, 2.0, 3.0])

BAD_DATA = {
    "vector X": (GOOD_X[0], GOOD_Y, "X must have shape"),
    "short y": (GOOD_X, GOOD_Y[:2], "y must have shape"),
    "two columns of y": (GOOD_X, GOOD_Y[:, None] * [1, 1], "y must have shape"),
    "no samples": (GOOD_X[:0], GOOD_Y[:0], "X must hold at least one sample"),
    "no features": (GOOD_X[:, :0], GOOD_Y, "X must hold at least one sample"),
    "NaN in X": (np.where(GOOD_X == 3, np.nan, GOOD_X), GOOD_Y, "X must be finite, got 1 NaN"),
    "inf in y": (GOOD_X, np.array([1.0, np.inf, 0.0]), "y must be finite, got 1 NaN"),
    "complex X": (GOOD_X + 1j, GOOD_Y, "X must hold real numbers, got dtype complex128"),
    "text X": (GOOD_X.astype(str), GOOD_Y, "X must hold real numbers"),
    "object y": (GOOD_X, np.array([1, None, 2]), "y must hold real numbers, got dtype object"),
    "boolean y": (GOOD_X, GOOD_Y > 1, "y must hold real numbers, got dtype bool"),
    "ragged X": ([[1.0], [2.0, 3.0]], GOOD_Y, "X must be a rectangular array"),
    "huge X": (1e200 * GOOD_X, GOOD_Y, "X must have its largest magnitude between"),
    "masked X": (np.ma.masked_greater(GOOD_X, 2.5), GOOD_Y, "X must have no masked entries, got 1"),
    "tiny y": (GOOD_X, 1e-200 * GOOD_Y, "y must have its largest magnitude between"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(method, case):
    X, y, message = BAD_DATA[case]
    with pytest.raises(ValueError, match=message):
        method(X, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: logistic_loss(GOOD_X, GOOD_Y[:2], [1, 1]), "labels must have shape"),
        (lambda: logistic_maximin(GOOD_X, GOOD_Y > 1), "labels must hold real numbers"),
        (lambda: low_noise_condition(GOOD_X, GOOD_Y[:2]), "noise must have shape"),
        (lambda: robust_condition(GOOD_X, [np.nan, 0, 0], 1.0), "noise must be finite"),
        (lambda: general_condition([1.0], GOOD_X), "gradient must have shape"),
        (lambda: general_condition([1.0], [1.0]), "hessian must have shape"),
        (lambda: lll(None), "B must hold real numbers"),
        (lambda: lll(GOOD_X, delta="x"), "delta must be above"),
        (lambda: nearest_plane(GOOD_X[:2], GOOD_Y), "y must have shape"),
        (lambda: nearest_plane(np.ones((3, 2)), GOOD_Y), "B must have independent columns"),
    ],
)
def test_the_sentence_names_the_argument_as_the_caller_does(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (maximin, {"optimizer": "sgd"}, "optimizer must be one of 'gda'"),
        (maximin, {"loss": "l3"}, "loss must be one of"),
        (maximin, {"n_steps": 0}, "n_steps must be an integer of at least 1, got 0"),
        (maximin, {"n_steps": 1.5}, "n_steps must be an integer"),
        (maximin, {"n_steps": True}, "n_steps must be an integer"),
        (maximin, {"step_w": -1.0}, "step_w must be a positive finite number"),
        (maximin, {"step_z": np.nan}, "step_z must be a positive finite number"),
        (maximin, {"delta": 0, "loss": "huber"}, "delta must be a positive finite number"),
        (maximin, {"rng": "3"}, "rng must be a numpy.random.Generator"),
        (maximin, {"rng": -3}, "rng must be a numpy.random.Generator"),
        (maximin, {"metric": "best"}, "metric must be one of"),
        (maximin, {"start": "zero"}, "start must be one of"),
        (bop, {"adaptivity": 2.0}, "adaptivity must be at most 1"),
        (bop, {"threshold": 0.0}, "threshold must be"),
        (straight_through, {"learning_rate": np.inf}, "learning_rate must be"),
        (box_relaxation, {"tol": 0}, "tol must be"),
        (box_relaxation, {"loss": "hinge"}, "loss must be one of"),
        (semidefinite_relaxation, {"solver": "mosek"}, "solver must be one of"),
        (semidefinite_relaxation, {"rounding": "best"}, "rounding must be one of"),
        (semidefinite_relaxation, {"n_roundings": 0}, "n_roundings must be"),
        (semidefinite_relaxation, {"rng": np.random.RandomState(0)}, "rng must be"),
        (exact, {"loss": "huber"}, "loss must be one of 'l2', 'l1'"),
        (exact, {"max_nodes": 0}, "max_nodes must be"),
    ],
)
def test_bad_options(method, options, message):
    with pytest.raises(ValueError, match=message):
        method(GOOD_X, GOOD_Y, **options)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(1, 6),
    n_features=st.integers(1, 6),
    scale=st.sampled_from([1e-40, 1e-3, 1.0, 1e3, 1e40]),
    kind=st.sampled_from(["normal", "integer", "constant column", "zeros", "float32"]),
    method=st.sampled_from(METHODS),
)
def test_any_sound_data_gets_signs(seed, n_samples, n_features, scale, kind, method):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n_samples, n_features)), rng.standard_normal(n_samples)
    if kind == "integer":
        X, y = rng.integers(-3, 4, X.shape), rng.integers(-3, 4, y.shape)
    elif kind == "constant column":
        X[:, 0] = 1
    elif kind == "zeros":
        X[:] = 0
    elif kind == "float32":
        X, y = X.astype(np.float32), y.astype(np.float32)
    if kind in ("normal", "constant column"):
        X, y = scale * X, scale * y
    before = X.copy(), y.copy()
    answer = method(X, y)
    w = answer if isinstance(answer, np.ndarray) else answer.w
    assert w.shape == (n_features,)
    assert set(w.tolist()) <= {-1.0, 1.0}
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
