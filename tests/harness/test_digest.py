"""The digest must follow what a method runs, and nothing else."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from optathlon.measure import digest, source

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
        for function in (source._root, source.path_of, source.parse):
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
    for function in (source._root, source.path_of, source.parse):
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


def test_what_an_unused_function_of_a_library_imports_is_not_loaded(tree: Tree) -> None:
    """A module of two sources of random numbers brought torch to every method of numpy alone."""
    shared = "import numpy\ndef helper(x):\n    import csv\ndef other(x):\n    import wave\n    import numpy\n"
    tree.write("baselines/field/_shared.py", shared)
    assert {"csv", "numpy"} <= set(tree.code("run_first").modules)
    assert "wave" not in tree.code("run_first").modules
    tree.edit("baselines/field/first.py", "helper(x)", "helper(x), _shared.other")
    assert "wave" in tree.code("run_first").modules
    tree.write("baselines/field/first.py", "from baselines.field import _shared\ndef first(x):\n    return _shared.other(x)\n")
    assert "wave" in tree.code("run_first").modules


def test_a_variable_of_a_comprehension_is_no_name_of_the_module(tree: Tree) -> None:
    """A table of methods made by a loop over `solver` was part of every method with an argument of that name."""
    table = "TABLE = tuple(run_third for problem in (1, 2))\n"
    tree.write("suites/toy/methods.py", dedent(FILES["suites/toy/methods.py"]) + table)
    before = tree.digests()
    tree.edit("suites/toy/methods.py", "(1, 2)", "(1, 2, 3)")
    assert tree.digests() == before
    tree.edit("suites/toy/methods.py", "FACTOR = 2", "FACTOR = [number for number in (1, 2)][1]")
    after = tree.digests()
    assert {name for name in after if after[name] != before[name]} == {"first"}


def test_a_yardstick_in_a_metric_does_not_tie_it_to_the_library(tree: Tree) -> None:
    tree.code("run_first")
    function = importlib.import_module("suites.toy.methods").run_first
    before = digest.code_of(function, library=False).digest
    tree.edit("baselines/field/first.py", "helper(x)", "helper(x) + 0")
    for cached in (source._root, source.path_of, source.parse):
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


# Each form in which a suite's code may reach `helper`: files beside suites/toy/__init__.py, of which methods.py holds `run`. An
# edit of the helper's body must change the digest of `run`.
HELPER = "def helper(x):\n    return x + 1\n"
OTHER = {"suites/toy/other.py": HELPER}
REGISTRY = {"suites/toy/registry.py": "REG = {}\ndef register(f):\n    REG[f.__name__] = f\n    return f\n"}
FORMS: dict[str, dict[str, str]] = {
    "a call": {"suites/toy/methods.py": HELPER + "def run(p, c):\n    return helper(p)\n"},
    "import in try": OTHER
    | {
        "suites/toy/methods.py": """
            try:
                from suites.toy.other import helper
            except ImportError:
                from suites.toy.slow import helper
            def run(p, c):
                return helper(p)
        """,
        "suites/toy/slow.py": "def helper(x):\n    return x\n",
    },
    "import in try with a fallback": OTHER
    | {
        "suites/toy/methods.py": """
            try:
                from suites.toy.other import helper
            except ImportError:
                helper = None
            def run(p, c):
                return helper(p)
        """
    },
    "import *": OTHER | {"suites/toy/methods.py": "from suites.toy.other import *\ndef run(p, c):\n    return helper(p)\n"},
    "a module": OTHER | {"suites/toy/methods.py": "from suites.toy import other\ndef run(p, c):\n    return other.helper(p)\n"},
    "two modules of one package": OTHER
    | {
        "suites/toy/methods.py": """
            import suites.toy.other
            import suites.toy
            def run(p, c):
                return suites.toy.other.helper(p)
        """
    },
    "import inside": OTHER
    | {"suites/toy/methods.py": "def run(p, c):\n    from suites.toy.other import helper as h\n    return h(p)\n"},
    "relative import": OTHER | {"suites/toy/methods.py": "from .other import helper\ndef run(p, c):\n    return helper(p)\n"},
    "re-export": OTHER
    | {
        "suites/toy/methods.py": "from suites.toy.hub import helper\ndef run(p, c):\n    return helper(p)\n",
        "suites/toy/hub.py": "from suites.toy.other import helper\n",
    },
    "a lambda": {"suites/toy/methods.py": HELPER + "run = lambda p, c: helper(p)\n"},
    "a generator in a lambda": {"suites/toy/methods.py": HELPER + "run = lambda p, c: sum(helper(x) for x in p)\n"},
    "a lambda in a lambda": {"suites/toy/methods.py": HELPER + "run = lambda p, c: (lambda x: helper(x))(p)\n"},
    "import_module": OTHER
    | {
        "suites/toy/methods.py": """
            import importlib
            def run(p, c):
                return importlib.import_module("suites.toy.other").helper(p)
        """
    },
    "import_module, relative": OTHER
    | {
        "suites/toy/methods.py": """
            from importlib import import_module
            def run(p, c):
                return import_module(".other", __package__).helper(p)
        """
    },
    "__import__ in the module": OTHER
    | {
        "suites/toy/methods.py": """
            other = __import__("suites.toy.other", fromlist=["helper"])
            def run(p, c):
                return other.helper(p)
        """
    },
    "a decorator's registry": REGISTRY
    | {
        "suites/toy/methods.py": "from suites.toy.registry import REG, register\n@register\n"
        + HELPER
        + "def run(p, c):\n    return REG['helper'](p)\n"
    },
    "a registry filled by an import": REGISTRY
    | {
        "suites/toy/other.py": "from suites.toy.registry import register\n@register\n" + HELPER,
        "suites/toy/methods.py": """
            import suites.toy.other
            from suites.toy.registry import REG
            def run(p, c):
                return REG["helper"](p)
        """,
    },
    "update at the top": {
        "suites/toy/methods.py": HELPER + "REG = {}\nREG.update(h=helper)\ndef run(p, c):\n    return REG['h'](p)\n"
    },
    "an item at the top": {
        "suites/toy/methods.py": HELPER + "REG = {}\nREG['h'] = helper\ndef run(p, c):\n    return REG['h'](p)\n"
    },
    "an item in a loop": {
        "suites/toy/methods.py": HELPER
        + "REG = {}\nfor f in (helper,):\n    REG[f.__name__] = f\ndef run(p, c):\n    return REG['helper'](p)\n"
    },
    "setattr at the top": {
        "suites/toy/methods.py": "import suites.toy.hub as hub\n"
        + HELPER
        + "setattr(hub, 'f', helper)\ndef run(p, c):\n    return hub.f(p)\n",
        "suites/toy/hub.py": "f = None\n",
    },
    "an attribute of another module": {
        "suites/toy/methods.py": "import suites.toy.hub as hub\n"
        + HELPER
        + "hub.f = helper\ndef run(p, c):\n    return hub.f(p)\n",
        "suites/toy/hub.py": "f = None\n",
    },
    "match at the top": {
        "suites/toy/methods.py": """
            match 1:
                case 1:
                    def helper(x):
                        return x + 1
            def run(p, c):
                return helper(p)
        """
    },
    "with at the top": {
        "suites/toy/methods.py": """
            import contextlib
            with contextlib.nullcontext():
                def helper(x):
                    return x + 1
            def run(p, c):
                return helper(p)
        """
    },
    "a test at the top": {
        "suites/toy/methods.py": HELPER + "if helper(1) > 1:\n    f = abs\nelse:\n    f = int\ndef run(p, c):\n    return f(p)\n"
    },
    "a walrus at the top": {
        "suites/toy/methods.py": HELPER + "print((f := helper))\ndef run(p, c):\n    return f(p)\n"
    },
    "globals": {"suites/toy/methods.py": HELPER + "def run(p, c):\n    return globals()['helper'](p)\n"},
    "a default argument": {"suites/toy/methods.py": HELPER + "def run(p, c, f=helper):\n    return f(p)\n"},
    "a base class": {
        "suites/toy/methods.py": """
            class Base:
                def go(self, x):
                    return x + 1
            class Method(Base):
                pass
            def run(p, c):
                return Method().go(p)
        """
    },
    "a callable object": {
        "suites/toy/methods.py": HELPER + "class F:\n    def __call__(self, p, c):\n        return helper(p)\nrun = F()\n"
    },
    "a partial of a method": {
        "suites/toy/methods.py": "from functools import partial\n"
        + HELPER
        + "class F:\n    def go(self, k, p, c):\n        return helper(p)\nrun = partial(F().go, 1)\n"
    },
    "singledispatch": {
        "suites/toy/methods.py": "from functools import singledispatch\n@singledispatch\ndef f(x):\n    return x\n"
        "@f.register\ndef _(x: int):\n    return x + 1\ndef run(p, c):\n    return f(p)\n"
    },
    "a lazy package": {
        "suites/toy/lazy/__init__.py": """
            import importlib
            _WHERE = {"helper": "other"}
            def __getattr__(name):
                return getattr(importlib.import_module("suites.toy.lazy." + _WHERE[name]), name)
        """,
        "suites/toy/lazy/other.py": HELPER,
        "suites/toy/methods.py": "def run(p, c):\n    from suites.toy.lazy import helper\n    return helper(p)\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_reaching_a_helper_is_seen(tree: Tree, form: str) -> None:
    tree.write("suites/toy/methods.py", "")
    for name, text in FORMS[form].items():
        tree.write(name, dedent(text))
    before = tree.code("run").digest
    assert tree.code("run").digest == before
    (edited,) = [name for name, text in FORMS[form].items() if "x + 1" in text]
    tree.edit(edited, "x + 1", "x + 1.5")
    assert tree.code("run").digest != before


def test_a_set_constant_gives_the_same_digest_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(
        "from optathlon.measure.digest import code_of\n"
        'exec(\'f = lambda x: x in {"a", "b", "c"}\\ndef g(x):\\n    return [y in {"a", "b", "c"} for y in x]\')\n'
        "run = lambda p, c: [y in {'a', 'b', 'c'} for y in p]\n"
        "print(code_of(f).digest, code_of(g).digest, code_of(run).digest)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, str(tmp_path / "typed.py")],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(said) == 1


def test_a_plug_in_from_site_packages_is_followed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tree.folder / "site-packages"
    tree.write("site-packages/plugged/__init__.py", "")
    tree.write("site-packages/plugged/other.py", HELPER)
    tree.write("site-packages/plugged/methods.py", "from plugged.other import helper\ndef run(p, c):\n    return helper(p)\n")
    monkeypatch.syspath_prepend(str(folder))

    def code() -> str:
        for module in [m for m in sys.modules if m.split(".")[0] == "plugged"]:
            del sys.modules[module]
        for function in (source._root, source.path_of, source.parse):
            function.cache_clear()
        importlib.invalidate_caches()
        return digest.code_of(importlib.import_module("plugged.methods").run).digest

    monkeypatch.setattr(source, "_plugins", lambda: frozenset({"plugged"}))
    before = code()
    tree.edit("site-packages/plugged/other.py", "x + 1", "x + 1.5")
    assert code() != before


def test_a_value_without_attributes_counts() -> None:
    def bind(held: object) -> digest.Code:
        def run(problem: object, context: object) -> object:
            return held

        return digest.code_of(run)

    for one, other in ((np.int64(1), np.int64(2)), (Path("a"), Path("b")), (range(2), range(3)), (Decimal(1), Decimal(2))):
        assert bind(one).digest != bind(other).digest
        assert bind(one).digest == bind(one).digest
    ring: list[object] = []
    ring.append(ring)
    assert bind(ring).digest == bind(ring).digest
    assert bind(np.array([[1, "a"]], dtype=object)).digest != bind(np.array([[1, "b"]], dtype=object)).digest
