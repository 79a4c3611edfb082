"""Compiled loops: gradient descent in one plane by arcs, and in any space point by point.

Arrays are C-contiguous float64 or int64, and indices are not checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

GRADIENT_DESCENT, MOMENTUM, ADAM = range(3)  # the order of `network.OPTIMIZERS`


def _compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile at the first call; keep the machine code on disk, or in memory where no directory can be written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate


# ---- one plane: f(r x) = r f(x), so that a step needs the angles, not the points ---------------------------------------


@_compiled()
def _arc_start(x, y, u, at):
    """Return the first direction with <w, u> > 0 of the open half circle around w, searched from `at`; -1 where w = 0."""
    n = len(u)
    for _ in range(2 * n):
        if x * u[at, 0] + y * u[at, 1] > 0.0:
            before = at - 1 if at > 0 else n - 1
            if not x * u[before, 0] + y * u[before, 1] > 0.0:
                return at
            at = before
        else:
            at = at + 1 if at < n - 1 else 0
    return -1


@_compiled()
def _arc_end(x, y, u, at):
    """Return the last direction of the same half circle."""
    n = len(u)
    for _ in range(2 * n):
        if x * u[at, 0] + y * u[at, 1] > 0.0:
            after = at + 1 if at < n - 1 else 0
            if not x * u[after, 0] + y * u[after, 1] > 0.0:
                return at
            at = after
        else:
            at = at - 1 if at > 0 else n - 1
    return -1


@_compiled()
def _surrounds(w, n_positive):
    """Return whether no closed half plane holds the positive neurons: from each, another lies less than half a turn ahead."""
    for i in range(n_positive):
        ahead = False
        for j in range(n_positive):
            if w[i, 0] * w[j, 1] - w[i, 1] * w[j, 0] > 0.0:
                ahead = True
                break
        if not ahead:
            return False
    return n_positive > 0


@_compiled()
def _loss_by_angle(w, n_positive, u, radii, sums, first, last, change, pull):
    """Return the summed hinge loss, -1 where every margin is at least 1; set arcs, and pull[i] to the active points before u[i].

    The output at u[i] is <A, u[i]>, where A sums +-w over the neurons active there: a difference array over the arcs' ends.
    """
    n, n_radii = len(u), len(radii)
    change[:] = 0.0
    ax, ay = 0.0, 0.0
    for j in range(len(w)):
        sign = 1.0 if j < n_positive else -1.0
        x, y = w[j, 0], w[j, 1]
        lo, hi = _arc_start(x, y, u, max(first[j], 0)), _arc_end(x, y, u, max(last[j], 0))
        first[j], last[j] = lo, hi
        if lo < 0:
            continue
        change[lo, 0] += sign * x
        change[lo, 1] += sign * y
        change[hi + 1, 0] -= sign * x
        change[hi + 1, 1] -= sign * y
        if lo > hi:  # across the end of the circle
            ax += sign * x
            ay += sign * y
    loss, px, py = 0.0, 0.0, 0.0
    missing = False
    for i in range(n):
        ax += change[i, 0]
        ay += change[i, 1]
        output = ax * u[i, 0] + ay * u[i, 1]
        active = 0  # the radii of the points without a margin are the smallest
        while active < n_radii and not radii[active] * output >= 1.0:  # what is no number has no margin either
            active += 1
        pull[i, 0], pull[i, 1] = px, py
        px += sums[active] * u[i, 0]
        py += sums[active] * u[i, 1]
        loss += active - sums[active] * output
        missing = missing or active > 0
    pull[n, 0], pull[n, 1] = px, py
    return loss if missing else -1.0


@_compiled()
def _audit(w, before, n_positive, radius, grown, shrunk):
    """Return the smallest growth of a positive norm and the largest of a negative one above the radius, so far."""
    for j in range(len(w)):
        old, new = math.hypot(before[j, 0], before[j, 1]), math.hypot(w[j, 0], w[j, 1])
        if j < n_positive:
            grown = min(grown, new - old)
        elif old > radius:
            shrunk = max(shrunk, new - old)
    return grown, shrunk


@_compiled()
def descend_plane(W, n_positive, u, radii, eta, until, steps, converged, objective, norms, increases, phases, audits, radius):
    """Advance every run to step `until` or to zero loss, in place.

    phases holds the first step with the condition and the number of steps without; audits, where not empty, the three of `Audit`.
    """
    n_runs, n_neurons, _ = W.shape
    n, n_radii = len(u), len(radii)
    share = 1.0 / (n * n_radii)
    sums = np.zeros(n_radii + 1)
    for c in range(n_radii):
        sums[c + 1] = sums[c] + radii[c]
    change, pull = np.empty((n + 1, 2)), np.empty((n + 1, 2))
    first, last = np.empty(n_neurons, np.int64), np.empty(n_neurons, np.int64)
    before = np.empty((n_neurons, 2))
    for run in range(n_runs):
        if converged[run]:
            continue
        w = W[run]
        first[:], last[:] = 0, 0
        moved = False  # the first iterate has been looked at before, where a run goes on
        while True:
            loss = _loss_by_angle(w, n_positive, u, radii, sums, first, last, change, pull) * share
            converged[run] = loss < 0.0
            loss = max(loss, 0.0)
            if moved:
                increases[run] = max(increases[run], loss - objective[run])
            objective[run] = loss
            square = 0.0
            for j in range(n_neurons):
                square += w[j, 0] * w[j, 0] + w[j, 1] * w[j, 1]
            norms[run] = max(norms[run], math.sqrt(square))
            condition = _surrounds(w, n_positive)
            if condition and phases[run, 0] < 0:
                phases[run, 0] = steps[run]
            if converged[run] or steps[run] >= until:
                break
            if not condition:
                phases[run, 1] += 1
            elif len(audits):
                audits[run, 2] += loss * loss
            before[:] = w
            for j in range(n_neurons):  # eq. 2.3
                lo, hi = first[j], last[j]
                if lo < 0:
                    continue
                gx, gy = pull[hi + 1, 0] - pull[lo, 0], pull[hi + 1, 1] - pull[lo, 1]
                if lo > hi:
                    gx += pull[n, 0]
                    gy += pull[n, 1]
                rate = eta * share if j < n_positive else -eta * share
                w[j, 0] += rate * gx
                w[j, 1] += rate * gy
            if len(audits):
                audits[run, 0], audits[run, 1] = _audit(w, before, n_positive, radius, audits[run, 0], audits[run, 1])
            steps[run] += 1
            moved = True


# ---- any space: every point by itself ---------------------------------------------------------------------------------


@_compiled(fastmath={"reassoc", "contract", "nsz"})  # sums in any order; NaN keeps its meaning
def _gradient(w, points, labels, shares, bias, n_positive, h, outputs, pull, gradient):
    """Return the loss, negative where every margin is at least 1, and set its gradient."""
    n_neurons, d = w.shape
    n = points.shape[1]
    outputs[:] = 0.0
    for j in range(n_neurons):
        sign = 1.0 if j < n_positive else -1.0
        for i in range(n):
            h[j, i] = -bias[j]
        for c in range(d):
            wc = w[j, c]
            for i in range(n):
                h[j, i] += wc * points[c, i]
        for i in range(n):
            outputs[i] += sign * h[j, i] if h[j, i] > 0.0 else 0.0
    loss, active = 0.0, 0
    for i in range(n):
        missing = 1.0 - labels[i] * outputs[i]
        inside = not missing <= 0.0  # what is no number has no margin either
        active += 1 if inside else 0
        loss += shares[i] * missing if inside else 0.0
        pull[i] = -shares[i] * labels[i] if inside else 0.0
    for j in range(n_neurons):
        sign = 1.0 if j < n_positive else -1.0
        for c in range(d):
            total = 0.0
            for i in range(n):
                total += pull[i] * points[c, i] if h[j, i] > 0.0 else 0.0
            gradient[j, c] = sign * total
    return loss if active else -1.0


@_compiled()
def _move(w, gradient, memory, kind, eta, decay, step):
    """Take one step in place: gradient descent, heavy ball, or Adam with decay for its first moments and .999 for its second."""
    n_neurons, d = w.shape
    for j in range(n_neurons):
        for c in range(d):
            g = gradient[j, c]
            if kind == GRADIENT_DESCENT:
                w[j, c] -= eta * g
            elif kind == MOMENTUM:
                memory[0, j, c] = decay * memory[0, j, c] + g
                w[j, c] -= eta * memory[0, j, c]
            else:
                memory[0, j, c] = decay * memory[0, j, c] + (1.0 - decay) * g
                memory[1, j, c] = 0.999 * memory[1, j, c] + 0.001 * g * g
                mean = memory[0, j, c] / (1.0 - decay ** (step + 1))
                square = memory[1, j, c] / (1.0 - 0.999 ** (step + 1))
                w[j, c] -= eta * mean / (math.sqrt(square) + 1e-8)


@_compiled()
def descend_points(
    W, n_positive, points, labels, shares, bias, kind, eta, decay, until, steps, converged, objective, norms, increases, memory
):
    """Advance every run to step `until` or to zero loss, in place; memory holds the optimiser's state of each run."""
    n_runs, n_neurons, d = W.shape
    n = points.shape[1]
    h, outputs, pull, gradient = np.empty((n_neurons, n)), np.empty(n), np.empty(n), np.empty((n_neurons, d))
    for run in range(n_runs):
        moved = False
        while not converged[run]:
            loss = _gradient(W[run], points, labels, shares, bias, n_positive, h, outputs, pull, gradient)
            converged[run] = loss < 0.0
            loss = max(loss, 0.0)
            if moved:
                increases[run] = max(increases[run], loss - objective[run])
            objective[run] = loss
            norms[run] = max(norms[run], math.sqrt((W[run] * W[run]).sum()))
            if converged[run] or steps[run] >= until:
                break
            _move(W[run], gradient, memory[run], kind, eta, decay, steps[run])
            steps[run] += 1
            moved = True
