"""Writes ``bench_<suite>.py`` for every suite: ``python -m benchmarks._doors`` (``--check``: exit 1 where one is stale).

asv hands a cell to an older commit by its position, so the cells stand literally in those files; this keeps them in step with the
suites' smoke workloads, and within the minute that a commit should take.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

TEMPLATE = '''"""asv's door to the suite `{suite}`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {{
{cells}}}


class {class_name}(_SuiteCells):
    suite, version, seeds = "{suite}", "{version}", {seeds}
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
'''


class Choice(NamedTuple):
    """Which of a suite's smoke cells asv runs, and on how many instances."""

    workloads: str = "*"
    methods: str = "*"
    seeds: int = 5


# The others take the default: every smoke cell that needs no downloaded data.
CHOICES: dict[str, Choice] = {}


def door(name: str) -> str:
    """Return the text of a suite's file."""
    from optathlon.data import dataset
    from optathlon.registry import Registry
    from optathlon.spec import Scale

    suite, choice = Registry().load(name), CHOICES.get(name, Choice())
    lines = []
    for workload in suite.workloads:
        embedded = all(dataset(data).kind == "embedded" for data in workload.data)
        if workload.scale is Scale.SMOKE and embedded and fnmatchcase(workload.name, choice.workloads):
            methods = [m.name for m in suite.methods if workload.invites(m) and fnmatchcase(m.name, choice.methods)]
            lines.append(f'    "{workload.name}": (\n' + "".join(f'        "{method}",\n' for method in methods) + "    ),\n")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    return TEMPLATE.format(suite=name, class_name=class_name, version=suite.version, seeds=choice.seeds, cells="".join(lines))


def main() -> int:
    """Write the files, or say which are stale."""
    from optathlon.registry import OURS, Registry

    stale, known = 0, Registry()
    for name in (name for name in known.names() if known.origin(name) == OURS):
        path, text = HERE / f"bench_{name}.py", door(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in sys.argv[1:]:
            print(f"{path} is stale: python -m benchmarks._doors", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return int(stale > 0 and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
