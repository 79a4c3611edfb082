"""Measuring: one function runs a cell, one pool runs many, each in a process of its own under its limits.

The clock, the trace, peak memory, the conditions of the machine and the digest of a method's code live here.
"""

from optathlon.measure.cell import run_cell
from optathlon.measure.job import Job
from optathlon.measure.jobs import deserves_another_try, plan_jobs
from optathlon.measure.plan import plan_cell
from optathlon.measure.pool import run_jobs

__all__ = ["Job", "deserves_another_try", "plan_cell", "plan_jobs", "run_cell", "run_jobs"]
