"""Cells on other machines: a driver that hands out addresses over dask.distributed, and workers that run them in nurseries.

An address (suite, workload, method, device, seeds, limits, key) travels as JSON and records come back: a worker finds suites by
name and plans the cell itself, so that machine, versions and key are its own. The driver alone writes records; a worker leaves
each of its own in a spool too, which the next run takes in. Whoever imports this room needs the extra ``optathlon[cluster]``.
"""

import os

os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # read when dask is imported; what matters is told by the driver
