"""Plan a cell: its address, conditions and key, without running anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import orjson

from optathlon import data
from optathlon.measure import environment
from optathlon.measure.digest import Code, code_of
from optathlon.spec import Cell, Environment, Method, Metric, MetricInfo, Suite, Workload


@cache
def digest_of(function: Callable[..., Any], library: bool = True) -> Code:
    """Return the digest of a function's code and the modules it imports, worked out once in a process."""
    return code_of(function, library=library)


def _checksum(name: str) -> str:
    """Return the checksum of a data set, "absent" where it is not on this machine."""
    absent = data.dataset(name).files and data.find(name) is None
    return "absent" if absent else data.checksum(name)


def plan_cell(
    suite: Suite,
    workload: Workload,
    method: Method,
    device: str = "cpu",
    *,
    machine: str | None = None,
    conditions: Environment | None = None,
) -> Cell:
    """Return the address and conditions of a cell, its key included, without running anything.

    Parameters
    ----------
    suite, workload, method, device
        The address.
    machine : str, optional
        Name of this machine, by default made from its processor.
    conditions : Environment, optional
        Those of a record, whose data sets are then taken for the published ones; by default this machine's.
    """
    checksums = {name: data.checksum(name) if conditions else _checksum(name) for name in workload.data}
    metrics = suite.metrics_of(workload)
    code = digest_of(method.run)
    others = (workload.make, workload.public, suite.exhibit, *(metric.function for metric in metrics))
    modules = {*code.modules, *(module for other in others if other for module in digest_of(other, False).modules)}
    conditions = conditions or environment.describe(device, machine, modules)
    decisive = {
        "suite": [suite.name, suite.version],
        "workload": [workload.name, workload.scale, workload.target, digest_of(workload.make, False).digest],
        "method": [method.name, dict(method.settings), code.digest],
        "metrics": [[m.name, digest_of(m.function, False).digest, *(["traced"] if m.traced else [])] for m in metrics],
        **({"public": digest_of(workload.public, False).digest} if workload.public else {}),
        **({"exhibit": digest_of(suite.exhibit, False).digest} if suite.exhibit else {}),
        "device": [device, conditions.gpu, conditions.machine, conditions.threads],
        "arithmetic": [conditions.arithmetic, dict(conditions.kernels)],
        "versions": dict(conditions.versions) | {"python": conditions.python},
        "data": checksums,
    }
    return Cell(
        suite=suite.name,
        suite_version=suite.version,
        workload=workload.name,
        scale=workload.scale,
        method=method.name,
        settings=method.settings,
        device=device,
        metrics=tuple(_info(metric) for metric in metrics),
        reference_method=suite.reference_method,
        target=workload.target,
        exact=workload.exact,
        yardstick=method.yardstick,
        trials=workload.trials,
        code=code.digest,
        data=checksums,
        environment=conditions,
        key=hashlib.sha256(orjson.dumps(decisive, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


def _info(metric: Metric) -> MetricInfo:
    return MetricInfo(**{field.name: getattr(metric, field.name) for field in fields(MetricInfo)})
