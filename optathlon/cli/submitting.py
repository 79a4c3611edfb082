"""`optathlon submission`: whether a pull request with a method and its records may be taken in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optathlon.cli.common import Ended, UsageError, load_suites

if TYPE_CHECKING:
    from optathlon.spec import Suite
    from optathlon.store import Group

_DEPTH = 6  # parts of a record file's path

# What a tree declares, told by its own code: run with that tree first on the path.
_DECLARATIONS = """
import json, hashlib, sys
from optathlon.registry import Registry
from optathlon.measure.plan import digest_of
def digest(entry, *functions, library=False):
    named = [n for n in entry.__dataclass_fields__ if n != "methods" and not callable(getattr(entry, n))]
    named = [n for n in named if n not in ("workloads", "metrics", "claims", "datasets")]
    fields = {n: str(getattr(entry, n)) for n in named}
    fields["datasets"] = [[d.name, d.checksum] for d in getattr(entry, "datasets", ())]
    codes = [digest_of(f, library).digest if f else "" for f in functions]
    return hashlib.sha256(json.dumps([fields, codes], sort_keys=True).encode()).hexdigest()
registry = Registry()
told = {}
for suite in registry.load_all(registry.names()):
    told[suite.name] = {
        "suite": {suite.name: digest(suite, suite.exhibit)},
        "workload": {w.name: digest(w, w.make, w.public) for w in suite.workloads},
        "metric": {m.name: digest(m, m.function) for m in suite.metrics},
        "claim": {c.id: digest(c, c.check) for c in suite.claims},
        "code": {m.name: digest(m, m.run, m.warm_up, library=True) for m in suite.methods},
        "method": {m.name: [w.name for w in suite.workloads if w.invites(m)] for m in suite.methods},
    }
print(json.dumps(told))
"""


def submission(
    request: Annotated[str, typer.Argument(metavar="BASE..HEAD", help="The commits of the request; HEAD is checked out.")],
    repository: Annotated[Path, typer.Option("--repository", help="The checkout.")] = Path(),
) -> None:
    """Check a request that adds a method with its records, without running the method.

    Exit code 0 when it may be taken in, 1 with a sentence for each reason against it. `optathlon verify --sample` runs it.
    """
    base, dots, head = request.partition("..")
    if not (base and dots and head) or head.startswith("."):
        raise UsageError(f"the request must be given as BASE..HEAD, got {request!r}")
    commits = [_resolve(repository, name) for name in (base, head)]
    if commits[1] != _resolve(repository, "HEAD"):
        raise UsageError(f"{head} must be checked out, but HEAD is {_resolve(repository, 'HEAD')[:12]}")
    faults = list(_faults(repository, *commits))
    for fault in faults:
        typer.echo(f"refused: {fault}")
    if faults:
        raise Ended(1)
    typer.echo("the request may be taken in; its records are claimed until optathlon verify --sample has run some of them")


def _faults(repository: Path, base: str, head: str) -> Iterator[str]:
    from optathlon.judge import submission as judge
    from optathlon.spec.text import clean
    from optathlon.store import Group, RecordError, path_is_of, path_of, read, scan

    added, faults = touched(changed_files(repository, base, head), _own_machines(repository, base))
    yield from faults
    yield from judge.changed_declarations(*(_declared(repository, commit) for commit in (base, head)))
    suites = {suite.name: suite for suite in load_suites(())}
    groups: list[Group] = []
    for path in added:
        try:
            group = read(repository / path)
        except RecordError as error:
            yield str(error)
            continue
        groups.append(group)
        if not path_is_of(repository / path, group.cell):
            yield f"{clean(path)}: its content belongs at {path_of(Path('results'), group.cell)}"
    for group in groups:
        yield from _record_faults(repository, head, suites, group)
    machines = {group.cell.environment.machine for group in groups}
    board = [entry for entry in scan(repository / "results") if isinstance(entry, Group)]
    yield from judge.missing_runs(groups, suites, [known for known in board if known.cell.environment.machine in machines])
    if not added:
        yield "the request adds no record; measure with: optathlon run SUITE --method NAME"


def _record_faults(repository: Path, head: str, suites: dict[str, Suite], group: Group) -> Iterator[str]:
    from optathlon import data
    from optathlon.judge import submission as judge
    from optathlon.measure import plan_cell

    cell = group.cell
    try:
        suite = suites[cell.suite]
        workload, method = suite.workload(cell.workload), suite.method(cell.method)
    except KeyError:
        yield f"{cell.suite} {cell.workload} {cell.method}: not declared at the head"
        return

    @cache
    def known(commit: str) -> bool:
        named = re.fullmatch("[0-9a-f]{40,64}", commit) is not None  # not HEAD, which is another commit every day
        return named and _git(repository, "merge-base", "--is-ancestor", commit, head).returncode == 0

    checksums = {name: data.checksum(name) for name in workload.data}
    declared = plan_cell(suite, workload, method, cell.device, conditions=cell.environment)
    yield from judge.record_faults(group, declared, checksums, known)


def changed_files(repository: Path, base: str, head: str) -> list[tuple[str, str]]:
    """Return what a request does to each file since it left the base: a letter (A, M, D, T; L for an added link) and the path."""
    fork = _git(repository, "merge-base", base, head).stdout.strip()
    if not fork:
        raise UsageError(f"{base[:12]} and {head[:12]} have no common ancestor")
    parts = _git(repository, "diff", "--no-renames", "--raw", "-z", fork, head).stdout.split("\0")
    found = []
    for told, path in zip(parts[:-1:2], parts[1:-1:2], strict=True):
        _, mode, _, _, letter = told.split(" ")
        found.append((letter if letter != "A" or mode.startswith("100") else "L", path))
    return found


def _own_machines(repository: Path, commit: str) -> frozenset[str]:
    """Return the project's own machines as a commit lists them."""
    from optathlon.store import parse_machines

    found = _git(repository, "show", f"{commit}:results/machines.json")
    return frozenset() if found.returncode else parse_machines(found.stdout.encode(), "results/machines.json")


def touched(changes: Sequence[tuple[str, str]], own: frozenset[str] = frozenset()) -> tuple[list[str], list[str]]:
    """Return the record files that a request adds, and a sentence for each thing that it does to other results or the harness.

    Nothing is added under the project's `own` machines: it would pass for the project's measurements.
    """
    from optathlon.spec.text import clean

    added, faults = [], []
    for letter, path in changes:
        parts = PurePosixPath(path).parts
        path = clean(path)
        if parts[:2] == ("results", "records"):
            if letter in "AL" and (letter == "L" or len(parts) != _DEPTH):
                faults.append(f"{path}: a request adds files results/records/MACHINE/SUITE/WORKLOAD/NAME.json, and no links")
            elif letter == "A":
                added.append(path)
            else:
                what = "deleted" if letter == "D" else "changed"
                whose = "".join(parts[2:3])
                faults.append(f"{path}: records of machine {whose} that are on the board are never {what} by a request")
        elif parts[0] == "results":
            faults.append(f"{path}: a request adds records alone; tables and verdicts are written by whoever takes it in")
        elif parts[0] == "optathlon" or parts[0] == ".github":
            faults.append(f"{path}: the harness is changed; a method is submitted in a request of its own")
    machines = sorted({PurePosixPath(path).parts[2] for path in added})
    for machine in sorted(own & set(machines)):
        faults.append(f"{machine} is a machine of the project; records are submitted under a name of yours: --machine NAME")
    if len(machines) > 1:
        faults.append(f"records of one machine make a request, got {', '.join(machines)}")
    return added, faults


def _declared(repository: Path, commit: str) -> Any:
    """Return the digests of the workloads and metrics of a commit, told by its own code in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        _check_out(repository, commit, Path(folder))
        environ = {name: value for name, value in os.environ.items() if name != "OPTATHLON_SUITES"} | {"PYTHONPATH": folder}
        command = [sys.executable, "-c", _DECLARATIONS]
        told = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    if told.returncode:
        last = (told.stderr.strip().splitlines() or ["no word"])[-1]
        raise UsageError(f"the suites of {commit[:12]} cannot be loaded: {last}")
    return json.loads(told.stdout)


def _check_out(repository: Path, commit: str, folder: Path) -> None:
    """Write every file of a commit: `git archive` leaves out what the commit's own attributes name."""
    with tempfile.TemporaryDirectory() as beside:
        git, index = ["git", "-C", str(repository)], {"GIT_INDEX_FILE": f"{beside}/index"}
        for command in (["read-tree", commit], ["checkout-index", "--all", f"--prefix={folder}/"]):
            subprocess.run([*git, *command], env=os.environ | index, capture_output=True, check=True)


def _resolve(repository: Path, name: str) -> str:
    found = _git(repository, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        raise UsageError(f"{name!r} is no commit of {repository.resolve()}")
    return found.stdout.strip()


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="backslashreplace", check=False)
