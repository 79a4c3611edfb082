"""The digest must follow what a method runs, and nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from optathlon.measure import digest

FILES = {
    "baselines/__init__.py": "",
    "baselines/field/__init__.py": """
        from baselines.field.first import first
        from baselines.field.second import second
        _LAZY = {"third": "baselines.field.third"}
    """,
    "baselines/field/first.py": """
        from baselines.field._shared import helper
        def first(x):
            return helper(x)
    """,
    "baselines/field/second.py": "def second(x):\n    return x + 2\n",
    "baselines/field/third.py": "import numpy\ndef third(x):\n    import scipy.linalg\n    return x + 3\n",
    "baselines/field/_shared.py": "def helper(x):\n    return x + 1\n",
    "suites/__init__.py": "",
    "suites/toy/__init__.py": "",
    "suites/toy/problem.py": "def scale(x):\n    return 10 * x\ndef unused(x):\n    return x\n",
    "suites/toy/methods.py": """
        from functools import partial
        from baselines.field import first, second
        from suites.toy.problem import scale
        FACTOR = 2
        def run_first(problem, context):
            return scale(first(problem)) * FACTOR
        def run_second(problem, context):
            return second(problem)
        def run_third(problem, context):
            from baselines.field import third
            return third(problem)
        def make(sigma):
            def generate(rng, device):
                return sigma
            return generate
        generate_small, generate_large = make(0.1), make(10.0)
        partial_small, partial_large = partial(run_second, context=1), partial(run_second, context=2)
    """,
}


class Tree:
    """A small house on disk whose digests are taken by a fresh import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in FILES.items():
            self.write(name, dedent(text))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def code(self, name: str) -> digest.Code:
        for module in [m for m in sys.modules if m.split(".")[0] in ("baselines", "suites")]:
            del sys.modules[module]
        for function in (digest._root, digest._path, digest._parse):
            function.cache_clear()
        importlib.invalidate_caches()
        sys.dont_write_bytecode = True
        return digest.code_of(getattr(importlib.import_module("suites.toy.methods"), name))

    def digests(self) -> dict[str, str]:
        return {name: self.code(f"run_{name}").digest for name in ("first", "second", "third")}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ("baselines", "suites")}
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(digest, "LIBRARY", "baselines")
    monkeypatch.setattr(digest, "SUITES", "suites")
    yield Tree(tmp_path)
    for module in [m for m in sys.modules if m.split(".")[0] in ("baselines", "suites")]:
        del sys.modules[module]
    sys.modules.update(kept)
    for function in (digest._root, digest._path, digest._parse):
        function.cache_clear()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("baselines/field/second.py", "return x + 2", "return x + 2  # a comment"),
        ("baselines/field/second.py", "def second(x):\n", 'def second(x):\n    """Add two."""\n\n'),
        ("suites/toy/methods.py", "FACTOR = 2", "# a comment\n\nFACTOR = 2"),
        ("suites/toy/problem.py", "def unused(x):\n    return x", "def unused(x):\n    return -x"),
    ],
)
def test_comments_docstrings_layout_and_unused_code_change_nothing(tree: Tree, file: str, old: str, new: str) -> None:
    before = tree.digests()
    tree.edit(file, old, new)
    assert tree.digests() == before


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("baselines/field/first.py", "helper(x)", "helper(x) + 0", {"first"}),
        ("baselines/field/_shared.py", "x + 1", "x + 1.5", {"first"}),
        ("baselines/field/second.py", "x + 2", "x + 2.5", {"second"}),
        ("baselines/field/third.py", "x + 3", "x + 3.5", {"third"}),
        ("suites/toy/problem.py", "10 * x", "11 * x", {"first"}),
        ("suites/toy/methods.py", "FACTOR = 2", "FACTOR = 3", {"first"}),
        ("suites/toy/methods.py", "return second(problem)", "return second(problem + 1)", {"second"}),
    ],
)
def test_an_edit_changes_the_methods_that_run_it_and_no_others(
    tree: Tree, file: str, old: str, new: str, changed: set[str]
) -> None:
    before = tree.digests()
    tree.edit(file, old, new)
    after = tree.digests()
    assert {name for name in after if after[name] != before[name]} == changed


def test_what_a_closure_or_a_partial_holds_counts(tree: Tree) -> None:
    assert tree.code("generate_small").digest != tree.code("generate_large").digest
    assert tree.code("partial_small").digest != tree.code("partial_large").digest
    assert tree.code("generate_small").digest == tree.code("generate_small").digest


def test_modules_to_import_before_the_clock_are_found_without_importing_them(tree: Tree) -> None:
    modules = tree.code("run_third").modules
    assert {"baselines.field.third", "numpy", "scipy.linalg"} <= set(modules)
    assert "baselines.field.third" not in sys.modules
    assert "baselines.field.second" not in modules


def test_a_yardstick_in_a_metric_does_not_tie_it_to_the_library(tree: Tree) -> None:
    tree.code("run_first")
    function = importlib.import_module("suites.toy.methods").run_first
    before = digest.code_of(function, library=False).digest
    tree.edit("baselines/field/first.py", "helper(x)", "helper(x) + 0")
    for cached in (digest._root, digest._path, digest._parse):
        cached.cache_clear()
    assert digest.code_of(function, library=False).digest == before


def test_what_the_objects_of_a_closure_hold_counts() -> None:
    from dataclasses import dataclass
    from functools import partial

    @dataclass(frozen=True)
    class Schedule:
        epochs: int

    def bind(held: object) -> digest.Code:
        def run(problem: object, context: object) -> object:
            return held

        return digest.code_of(run)

    for one, other in ((Schedule(1), Schedule(2)), ([1, 2], [1, 3]), ({"a": 1}, {"a": 2}), ({1}, {2})):
        assert bind(one).digest != bind(other).digest
        assert bind(one).digest == bind(one).digest
        assert digest.code_of(partial(bind, held=one)).digest != digest.code_of(partial(bind, held=other)).digest
