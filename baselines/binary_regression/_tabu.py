"""The moves of tabu search as a compiled loop; imported on first use, for numba is slow to import."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def walk(gram, signs, slope, banned, clock, tenure, patience, rounding):
    """Flip the best sign that is not banned, again and again, until `patience` moves have brought nothing new.

    `signs`, `slope` = gram signs - X'y and `banned`, the move from which on a sign is free again, are updated in place. A banned
    sign is flipped nevertheless where that leads below every objective of this walk (aspiration).

    Returns the best signs, how far they lie below the first ones, and the clock after the last move.
    """
    n = signs.size
    best, lowest, fall, since = signs.copy(), 0.0, 0.0, 0
    while since < patience:
        chosen, gain = -1, -np.inf
        for i in range(n):
            own = 4.0 * (signs[i] * slope[i] - gram[i, i])
            if own > gain and (clock >= banned[i] or fall - own < lowest - rounding):
                chosen, gain = i, own
        if chosen < 0:
            break  # all signs are banned
        step = -2.0 * signs[chosen]
        for i in range(n):
            slope[i] += step * gram[chosen, i]
        signs[chosen] = -signs[chosen]
        banned[chosen] = clock + tenure
        clock += 1
        fall -= gain
        since += 1
        if fall < lowest - rounding:
            lowest, since = fall, 0
            best[:] = signs
    return best, lowest, clock
