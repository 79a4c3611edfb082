"""Three small real graphs, as neighbours of a higher number; unweighted. `tests/suites` compares them with networkx's."""

from __future__ import annotations

import numpy as np

# Friendships in a karate club of 34 members: W. W. Zachary, J. Anthropological Research 33, 1977, pp. 452-473.
KARATE = (
    "1 2 3 4 5 6 7 8 10 11 12 13 17 19 21 31;2 3 7 13 17 19 21 30;3 7 8 9 13 27 28 32;7 12 13;6 10;6 10 16;16;;30 32 "
    "33;33;;;;33;32 33;32 33;;;32 33;33;32 33;;32 33;25 27 29 32 33;25 27 31;31;29 33;33;31 33;32 33;32 33;32 33;33;"
)

# Marriages among 15 families of Florence, by name: J. F. Padgett, C. K. Ansell, American J. Sociology 98, 1993.
FLORENTINE = "8;5 6 8;4 8;6 10 13;10 13;;7 14;;11 12 14;12;13;13 14;;;"

# Characters of Les Miserables who meet in a chapter, by name: D. E. Knuth, The Stanford GraphBase, 1993 (jean.dat).
LES_MISERABLES = (
    "25 58 70;9 15 25 31 37 39 58 59 70 73;6 17 21 24 30 31 35 40 46 49 55 67;8 10 12 16 27 39 42 73;34 49;23 26 27 29 "
    "44 71 76;17 21 24 30 31 35 40 46 49 55 67 73;70;10 12 16 42 73;15 25 31 37 59 70;12 16 42 73;62;16 42 73;14 "
    "31;31;24 25 37 39 58 59 70 73;42 73;21 24 30 31 35 40 46 49 67;34 39 45 49 51 58 70 71 72 73 75;62;62;24 25 30 31 "
    "35 40 46 49 55 67;62;26 27 29 44 71 76;30 31 35 39 40 46 49 55 67 73;37 46 49 58 59 70;27 29 44 71 76;29 39 44 48 "
    "58 65 69 70 71 73 76;36 39 60 73;44 71 76;31 35 40 46 49 67;35 37 39 40 46 49 53 55 59 67 70 73;62;73;45 47 49 51 "
    "73;40 55 67;;39 58 59 70 73;73;58 59 69 70 72 73 74 75;46 49 55 67;53;73;73;71 76;49 51;49 61;58;73;51 66 70 71 "
    "73;56 62 73;52 57 73;;;73;;62 73;66;70 73;70 73;73;;63 64 73;;;69;70;;73;73;73;76;73;74 75;;;"
)


def weights_of(neighbours: str) -> np.ndarray:
    """Return weights 0 and 1, shape (p (p - 1) / 2,), of a graph given by the higher neighbours of each node."""
    rows = [[int(number) for number in row.split()] for row in neighbours.split(";")]
    adjacency = np.zeros((len(rows), len(rows)))
    for node, row in enumerate(rows):
        adjacency[node, row] = 1.0
    return adjacency[np.triu_indices(len(rows), 1)]


def grid(side: int) -> np.ndarray:
    """Return the adjacency of the pixels of a square picture, each with those above, below, left and right of it."""
    index = np.arange(side * side)
    down, across = np.abs(index[:, None] // side - index // side), np.abs(index[:, None] % side - index % side)
    return (down + across == 1).astype(np.float64)
