"""The command line as scripts and people use it: real processes, exit codes, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optathlon.measure import arithmetic
from optathlon.spec import Ruling

SMOKE = ("run", "binary_regression", "--scale", "smoke", "--workload", "gaussian-6x12", "--machine", "here")
METHODS = ("--method", "least-squares", "--method", "maximin-gda")
# Boards say beside a machine's name which arithmetic it was told to use, as these tests may be.
SUFFIX = "" if arithmetic.name() == arithmetic.NATIVE else f"+{arithmetic.name()}"


def optathlon(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "optathlon", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"COLUMNS": "200"} | environment,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two methods on one smoke workload."""
    folder = tmp_path_factory.mktemp("results")
    ended = optathlon(*SMOKE, *METHODS, "--results", str(folder))
    assert ended.returncode == 0, ended.stderr
    return folder


def test_what_is_recorded_is_not_run_again(results: Path) -> None:
    before = {path: path.read_bytes() for path in (results / "records").rglob("*.json")}
    ended = optathlon(*SMOKE, *METHODS, "--results", str(results))
    assert ended.returncode == 0
    assert "0 cells run, 4 recorded before; all ok" in ended.stderr
    assert {path: path.read_bytes() for path in (results / "records").rglob("*.json")} == before


def test_the_leaderboard_is_json_for_scripts(results: Path) -> None:
    rows = json.loads(optathlon("leaderboard", "--results", str(results), "--format", "json").stdout)
    first = [row for row in rows if row["metric"] == "bit-error-rate"]
    assert {row["method"] for row in first} == {"least-squares", "maximin-gda"}
    assert all(row["status"] == "ok" and row["machine"] == "here" + SUFFIX and row["scale"] == "smoke" for row in first)
    assert all(row["low"] <= row["value"] <= row["high"] and row["seeds"] == 2 for row in first)
    assert all(row["better"] == "lower" and row["seconds"] > 0 for row in first)


@pytest.mark.parametrize(("format", "sign"), [("md", "# Leaderboard"), ("csv", "suite,workload"), ("latex", "\\begin{tabular}")])
def test_other_formats(results: Path, format: str, sign: str) -> None:
    ended = optathlon("leaderboard", "--results", str(results), "--format", format)
    assert ended.returncode == 0
    assert ended.stdout.startswith(sign) or sign in ended.stdout


def test_check_fails_until_the_tables_are_those_of_the_records(results: Path) -> None:
    check = ("leaderboard", "--results", str(results), "--check")
    assert optathlon(*check).returncode == 1
    assert optathlon("leaderboard", "--results", str(results), "--write").returncode == 0
    assert optathlon(*check).returncode == 0
    path = results / "LEADERBOARD.md"
    path.write_text(path.read_text().replace("maximin-gda", "my-method", 1))
    ended = optathlon(*check)
    assert ended.returncode == 1
    assert "differs from the records" in ended.stderr


def test_a_stale_figure_in_a_readme_fails_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "toys"
    folder.mkdir()
    (folder / "suite.py").write_text((Path(__file__).parent / "toy_suite.py").read_text())
    where = ("--suite", str(folder / "suite.py"))
    ended = optathlon(
        *where,
        "run",
        "toy",
        "--workload",
        "vector",
        "--scale",
        "smoke",
        "--method",
        "halves",
        "--results",
        str(tmp_path / "results"),
    )
    assert ended.returncode == 0, ended.stderr
    readme = folder / "README.md"
    readme.write_text("It ends at <!-- value: vector halves norm -->7<!-- end -->.\n")
    tables = (*where, "tables", "toy", "--results", str(tmp_path / "results"))
    assert optathlon(*tables, "--check").returncode == 1
    assert "-->7<" in readme.read_text()
    assert optathlon(*tables).returncode == 0
    assert "-->7<" not in readme.read_text()
    assert optathlon(*tables, "--check").returncode == 0
    readme.write_text("<!-- value: vector halved norm -->7<!-- end -->\n")
    ended = optathlon(*tables, "--check")
    assert ended.returncode == 1
    assert "no records of a value vector halved norm" in ended.stderr


def test_a_machine_without_records_is_an_error_with_near_misses(results: Path) -> None:
    ended = optathlon("leaderboard", "--results", str(results), "--machine", "her" + SUFFIX)
    assert ended.returncode == 1
    assert f"no machine matches 'her{SUFFIX}'; did you mean here{SUFFIX}?" in ended.stderr


def test_a_narrowed_board_is_narrowed_in_every_format(results: Path) -> None:
    narrowed = ("leaderboard", "--results", str(results), "--method", "least-squares", "--metric", "bit-error-rate")
    for format in ("md", "csv", "json", "latex"):
        text = optathlon(*narrowed, "--format", format).stdout
        assert "least-squares" in text, format
        rows = text.replace("First place: maximin-gda", "")  # who leads among all is said, whoever is shown
        assert "maximin-gda" not in rows, format
    _, boards = optathlon(*narrowed).stdout.split("until it is verified.")
    assert "least-squares" in boards
    assert "maximin-gda" not in boards


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_plots_are_files_of_each_kind(results: Path, tmp_path: Path, ending: str, magic: bytes) -> None:
    path = tmp_path / f"picture.{ending}"
    ended = optathlon("plot", "pareto", "-o", str(path), "--results", str(results))
    assert ended.returncode == 0, ended.stderr
    assert path.read_bytes().startswith(magic)


def test_claims_are_json_for_scripts(results: Path) -> None:
    rows = json.loads(optathlon("claims", "--results", str(results), "--format", "json").stdout)
    assert rows
    assert all({"suite", "id", "source", "statement", "reported", "verdict", "measured", "scale"} <= set(row) for row in rows)
    assert {row["verdict"] for row in rows} <= {str(ruling) for ruling in Ruling}


def test_list_is_json_for_scripts() -> None:
    suites = json.loads(optathlon("list", "--json").stdout)
    assert "binary_regression" in {suite["name"] for suite in suites}
    for suite in suites:
        assert suite["workloads"]
        assert suite["methods"]
        assert all(metric["better"] in ("lower", "higher") for metric in suite["metrics"])
        assert "claims" in suite


def test_verify_agrees_with_what_it_recorded_and_finds_what_was_changed(results: Path, tmp_path: Path) -> None:
    arguments = ("verify", "--machine", "here", "--method", "maximin-gda", "--seeds", "1")
    good = optathlon(*arguments, "--results", str(results))
    assert good.returncode == 0, good.stdout
    for path in (results / "records").rglob("maximin-gda*.json"):
        forged = tmp_path / path.relative_to(results)
        forged.parent.mkdir(parents=True)
        document = json.loads(path.read_text())
        document["runs"][0]["scores"]["bit-error-rate"] += 1e-9
        forged.write_text(json.dumps(document))
    bad = optathlon(*arguments, "--results", str(tmp_path))
    assert bad.returncode == 1
    assert "Differences" in bad.stdout
    assert "bit-error-rate" in bad.stdout


def test_a_failed_cell_gives_exit_code_two_and_a_status(tmp_path: Path) -> None:
    limits = ("--method", "maximin-gda", "--timeout", "0.001", "--seeds", "1", "--results", str(tmp_path))
    ended = optathlon(*SMOKE, *limits)
    assert ended.returncode == 2
    assert "timeout" in ended.stderr
    (row,) = [
        row
        for row in json.loads(optathlon("leaderboard", "--results", str(tmp_path), "--format", "json").stdout)
        if row["metric"] == "bit-error-rate"
    ]
    assert row["status"] == "timeout"
    assert row["value"] is None
    again = optathlon(*SMOKE, "--method", "maximin-gda", "--seeds", "1", "--results", str(tmp_path))
    assert again.returncode == 0, "a higher limit deserves another try"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "binary_regresion"), "did you mean binary_regression"),
        (("run", "binary_regression", "--method", "maximin-gdaa"), "did you mean maximin-gda"),
        (("run", "binary_regression", "--scale", "smoke", "--workload", "nothing-like-it"), "no workload"),
        (("run", "binary_regression", "--device", "tpu"), "cpu or cuda"),
        (("run", "binary_regression", "--memory", "lots"), "512MiB"),
        (("run", "binary_regression", "--timeout", "-1"), "positive"),
        (("run", "binary_regression", "--seeds", "0"), "--seeds"),
        (("run",), "Missing argument"),
        (("leaderboard", "--format", "xml"), "md, csv, json or latex"),
        (("plot", "pareto", "-o", "picture.bmp"), ".png, .svg or .pdf"),
        (("leaderboard", "--results", "/nonexistent"), "no records under"),
        (("verify", "--results", "/nonexistent"), "no records under"),
        (("data", "fetch", "mnistt"), "mnist"),
        (("no-such-command",), "No such command"),
    ],
)
def test_usage_errors_are_sentences_with_exit_code_one(arguments: tuple[str, ...], words: str) -> None:
    ended = optathlon(*arguments)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_corrupt_record_is_refused_aloud_and_the_rest_shown(results: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(results / "records", tmp_path / "records")
    (victim,) = (tmp_path / "records").rglob("least-squares*.json")
    victim.write_text(victim.read_text()[:100])
    ended = optathlon("leaderboard", "--results", str(tmp_path), "--format", "json")
    assert str(victim) in ended.stderr
    assert {row["method"] for row in json.loads(ended.stdout)} == {"maximin-gda"}


def test_help_and_list_import_neither_torch_nor_cvxpy() -> None:
    program = (
        "import sys\nsys.argv = ['optathlon', 'list']\nfrom optathlon.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'cvxpy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_needs_data_says_which_command_gets_it(tmp_path: Path) -> None:
    suites = json.loads(optathlon("list", "--json").stdout)
    (suite,) = [entry for entry in suites if entry["name"] == "binary_regression"]
    real = [workload for workload in suite["workloads"] if "boston" in workload["data"]]
    if not real:
        pytest.skip("no workload on Boston yet")
    arguments = ("--workload", real[0]["name"], "--scale", real[0]["scale"], "--method", "least-squares", "--seeds", "1")
    nowhere = {"OPTATHLON_DATA": str(tmp_path / "none"), "OPTATHLON_CACHE": str(tmp_path / "cache")}
    ended = optathlon("run", "binary_regression", *arguments, "--results", str(tmp_path), **nowhere)
    assert ended.returncode == 2
    assert "needs-data" in ended.stderr
    assert "optathlon data fetch boston" in ended.stderr
    assert not (tmp_path / "records").exists()


def test_names_complete_to_those_of_the_suites_on_the_line() -> None:
    program = (
        "import click, sys\nfrom optathlon.cli.common import names_in_suites\n"
        "ctx = click.Context(click.Command('run'))\nctx.params['names'] = sys.argv[1:]\n"
        "print(*names_in_suites('workloads')(ctx, ''))"
    )
    words = [
        subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True).stdout.split()
        for names in (["graphon_lasso"], ["graphon_lasso", "slow_to_fast"], [])
    ]
    assert 0 < len(words[0]) < len(words[1]) < len(words[2])
    assert set(words[0]) < set(words[1]) < set(words[2])


def test_a_failing_method_says_its_last_line_and_where_it_is(tmp_path: Path) -> None:
    toys = Path(__file__).with_name("toy_suite.py")
    ended = optathlon("--suite", str(toys), "run", "toy", "--scale", "smoke", "-m", "raises", "--results", str(tmp_path))
    assert ended.returncode == 2
    number = next(n for n, line in enumerate(toys.read_text().splitlines(), 1) if "the method broke" in line)
    assert f"RuntimeError: the method broke <b>here</b> ({toys}:{number})" in ended.stderr


def test_machines_stand_beside_each_other(results: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(results / "records", tmp_path / "records")
    there = optathlon(*SMOKE[:-1], "there", *METHODS, "--results", str(tmp_path))
    assert there.returncode == 0, there.stderr
    lines = optathlon("leaderboard", "--results", str(tmp_path), "--summary").stdout.splitlines()
    assert [line.split()[-1] for line in lines if line.strip().startswith("gaussian-6x12")] == ["here" + SUFFIX, "there" + SUFFIX]
