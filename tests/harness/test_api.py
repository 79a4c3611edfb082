"""The Python interface: what a notebook asks of `import optathlon`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_suite

import optathlon as opt
from optathlon.spec import Context, Method, NeedsData


@pytest.fixture(scope="module")
def results() -> opt.Results:
    return opt.run(toy_suite.SUITE, scale="smoke", workloads=["vector"], methods=["draws", "halves*"], seeds=3)


def test_the_package_offers_these_names_and_is_light_to_import() -> None:
    assert dir(opt) == ["Results", "load", "run", "suites", "try_method"]
    code = "import sys, optathlon; print(sorted({'numpy', 'pandas', 'torch', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        opt.nonsense  # noqa: B018


def test_frames_hold_what_was_measured(results: opt.Results) -> None:
    runs, board, traces = results.runs(), results.leaderboard(), results.traces()
    assert set(runs["status"]) == {"ok"}
    assert len(runs) == len(results) == 3 * len(board)
    mean = runs[runs["method"] == "draws"]["norm"].mean()
    assert board.set_index("method").loc["draws", "value"] == pytest.approx(mean)
    assert set(traces["method"]) <= set(runs["method"])
    assert list(results.claims().columns[:3]) == ["suite", "claim", "source"]


def test_a_selection_is_results_again(results: opt.Results) -> None:
    assert set(results.select(method="draws").runs()["method"]) == {"draws"}
    assert len(results.select(workload="nowhere")) == 0
    assert results.select(workload="nowhere")._repr_html_() == "<p>0 runs</p>"


def test_a_selection_of_methods_or_workloads_changes_no_rank_and_no_verdict(results: opt.Results) -> None:
    board = results.leaderboard().set_index("method")
    last = board["rank"].idxmax()
    assert board.loc[last, "rank"] > 1
    chosen = results.select(method=str(last))
    own = chosen.leaderboard().set_index("method")
    assert list(own.index) == [last]
    columns = ["rank", "rank_high", "ratio", "pareto", "standing", "stability"]
    assert own.loc[last, columns].to_dict() == board.loc[last, columns].to_dict()
    assert chosen.claims().equals(results.claims())
    assert chosen.select(method="*").leaderboard().equals(chosen.leaderboard())
    assert results.select(machine="nowhere").leaderboard().empty


def test_what_failed_is_tried_again_and_what_was_absent_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that was fetched since, an error that was mended, a higher limit: what was kept came back for ever."""

    def make(rng: np.random.Generator, device: str) -> np.ndarray:
        if os.environ.get("LACKS") == "data":
            raise NeedsData("get it")
        return np.ones(3)

    def fails(problem: np.ndarray, context: Context) -> np.ndarray:
        if os.environ.get("LACKS") == "code":
            raise RuntimeError("to be mended")
        time.sleep(1000 if os.environ.get("LACKS") == "time" else 0)
        return problem

    workload = replace(toy_suite.SUITE.workload("vector"), make=make)
    suite = replace(
        toy_suite.SUITE, workloads=(workload,), methods=(Method(name="fails", run=fails),), claims=(), reference_method="fails"
    )

    def status(lacks: str, timeout: float) -> list[str]:
        monkeypatch.setenv("LACKS", lacks)
        return list(opt.run(suite, scale="smoke", seeds=1, timeout=timeout, results=tmp_path).runs()["status"])

    assert status("data", 60) == ["needs-data"]
    assert not list(tmp_path.rglob("*.json"))
    assert status("code", 60) == ["error"]
    assert status("time", 1) == ["timeout"]
    assert status("", 1) == ["timeout"]  # the same limit
    assert status("", 60) == ["ok"]
    assert status("code", 60) == ["ok"]


def test_records_of_a_suite_that_is_not_here_have_no_claims(tmp_path: Path) -> None:
    opt.run(toy_suite.SUITE, scale="smoke", workloads=["vector"], methods=["draws"], seeds=2, results=tmp_path)
    found = opt.load(tmp_path)
    assert len(found.leaderboard())
    assert found.claims().empty


def test_a_notebook_shows_a_table_and_hostile_names_as_text(results: opt.Results) -> None:
    assert "<table" in results._repr_html_()
    assert "draws" in results._repr_html_()
    assert repr(results).startswith("<Results: ")


@pytest.mark.parametrize("kind", ["trace", "pareto"])
def test_figures_are_drawn(results: opt.Results, kind: str, tmp_path: Path) -> None:
    results.plot(kind).savefig(tmp_path / "figure.png")  # type: ignore[arg-type]
    assert (tmp_path / "figure.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="kind must be"):
        results.plot("pie")  # type: ignore[arg-type]


def test_records_kept_in_a_folder_are_loaded_and_not_run_again(tmp_path: Path) -> None:
    first = opt.run(toy_suite.SUITE, scale="smoke", workloads=["vector"], methods=["draws"], seeds=2, results=tmp_path)
    again = opt.run(toy_suite.SUITE, scale="smoke", workloads=["vector"], methods=["draws"], seeds=2, results=tmp_path)
    assert again.runs()["finished"].tolist() == first.runs()["finished"].tolist()
    assert opt.load(tmp_path).runs()["norm"].tolist() == first.runs()["norm"].tolist()
    with pytest.raises(FileNotFoundError, match="run a suite first"):
        opt.load(tmp_path / "empty")


def test_a_method_of_ones_own_stands_among_the_others() -> None:
    def my_method(problem: np.ndarray, context: object, *, factor: float) -> np.ndarray:
        return factor * np.asarray(problem)

    board = opt.try_method(my_method, toy_suite.SUITE, "vector", settings={"factor": 0.0}, against=["draws"], seeds=2)
    assert set(board["method"]) == {"my-method", "draws"}
    assert board.set_index("method").loc["my-method", "settings"] == {"factor": 0.0}


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="no suite is called 'nonsense'; there are acceleration, binary_regression"):
        opt.run("nonsense")
    with pytest.raises(ValueError, match="no cell of toy at scale smoke"):
        opt.run(toy_suite.SUITE, scale="smoke", workloads=["nowhere"])
    with pytest.raises(ValueError, match="methods must be a sequence"):
        opt.run(toy_suite.SUITE, scale="smoke", methods="draws")
    assert "binary_regression" in opt.suites()


def test_the_interface_survives_the_import_of_a_suite() -> None:
    code = "import optathlon as opt; import optathlon.suites.gans.suite; print(sorted(opt.suites())[:2], opt.suites.__module__)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["['acceleration',", "'binary_regression']", "optathlon.api"]
