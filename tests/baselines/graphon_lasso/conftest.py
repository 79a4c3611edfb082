"""One instance of the paper's experiment, as a function of its size and seed."""

import numpy as np
import pytest

from optathlon.baselines.graphon_lasso import graphon_spectrum, mean_of_squares, sample_graph, sample_signals


@pytest.fixture
def instance():
    def draw(n_nodes, n_samples, seed=0):
        """Return the covariance, the graphon's eigenvalues and the true weights."""
        rng = np.random.default_rng(seed)
        w = sample_graph(mean_of_squares(), n_nodes, rng).w
        X = sample_signals(w, n_samples, rng)
        return X.T @ X / n_samples, graphon_spectrum(mean_of_squares(), n_nodes), w

    return draw
