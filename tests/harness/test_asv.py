"""asv itself: what its own comparison gets wrong, and our suite run by it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optathlon import store
from optathlon.show.site import Material, publish
from optathlon.spec import Cell, Environment, MetricInfo, RunRecord, Scale, Status
from optathlon.store import history_of

pytest.importorskip("asv")
REPO = Path(__file__).parents[2]

CONFIGURATION = {
    "version": 1,
    "project": "toy",
    "repo": ".",
    "branches": ["main"],
    "environment_type": "existing",
    "pythons": ["same"],
    "results_dir": "results/asv",
}
BENCHMARK = """
def track_accuracy():
    import pathlib
    return float((pathlib.Path(__file__).parents[1] / "accuracy.txt").read_text())

track_accuracy.unit = "fraction"
"""


def execute(arguments, folder, home, check=True):
    environment = os.environ | {"HOME": str(home), "OPTATHLON_MACHINE": "toy"}
    environment.pop("ASV_COMMIT", None)
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=check, timeout=900)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a home folder in which asv knows this machine by the name that the records carry."""
    folder = tmp_path_factory.mktemp("home")
    out = execute([sys.executable, "-m", "optathlon.asv.machine"], REPO, folder)
    assert out.stdout.strip() == "toy"
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory, home):
    """Return a repository whose second commit drops the accuracy from 0.95 to 0.40, run by asv and recorded by us."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").touch()
    (folder / "benchmarks" / "bench.py").write_text(BENCHMARK)
    (folder / "asv.conf.json").write_text(json.dumps(CONFIGURATION))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    execute([*git, "init", "--quiet", "--initial-branch", "main"], folder, home)
    metric = MetricInfo(name="accuracy", unit="fraction", better="higher", tolerance=0.0)
    conditions = Environment(machine="toy", cpu="", gpu="", os="", python="", versions={}, threads=1)
    cell = Cell(
        suite="toy",
        suite_version="1",
        workload="easy",
        scale=Scale.SMOKE,
        method="plain",
        metrics=(metric,),
        environment=conditions,
    )
    for accuracy in (0.95, 0.40):
        (folder / "accuracy.txt").write_text(str(accuracy))
        execute([*git, "add", "accuracy.txt", "benchmarks", "asv.conf.json"], folder, home)
        execute([*git, "commit", "--quiet", "--message", f"accuracy {accuracy}"], folder, home)
        commit = execute(["git", "rev-parse", "HEAD"], folder, home).stdout.strip()
        run = [sys.executable, "-m", "asv", "run", "--python=same", "--machine", "toy", "--set-commit-hash", commit]
        execute([*run, "--launch-method", "forkserver"], folder, home)
        for seed in range(8):
            scores = {"accuracy": accuracy + 0.001 * seed}
            record = RunRecord(cell=cell, seed=seed, status=Status.OK, scores=scores, finished="2026-01-01T00:00:00")
            store.save(history_of(folder / "results", commit), record)
    return folder


def test_asv_compare_takes_a_drop_in_accuracy_for_an_improvement(toy, home):
    out = execute([sys.executable, "-m", "asv", "compare", "--machine", "toy", "HEAD~1", "HEAD"], toy, home)
    (line,) = [line for line in out.stdout.splitlines() if "track_accuracy" in line]
    assert line.split("|")[1].strip() == "-"  # asv's sign for: better
    assert out.returncode == 0


@pytest.mark.slow
def test_asv_continuous_lets_it_pass(toy, home):
    """The gate that asv offers needs an environment of its own; here it installs nothing but a path."""
    install = "import sysconfig, pathlib; pathlib.Path(sysconfig.get_path('purelib'), 'toy.pth').write_text('{build_dir}')"
    own = {"environment_type": "virtualenv", "pythons": ["3.11"], "build_command": [], "uninstall_command": []}
    text = json.dumps(CONFIGURATION | own | {"install_command": [f'python -c "{install}"']})
    (toy / "continuous.json").write_text(text)
    benchmark = BENCHMARK.replace(
        "pathlib.Path(__file__).parents[1]", 'pathlib.Path(__import__("os").environ["ASV_ENV_DIR"], "project")'
    )
    (toy / "benchmarks" / "bench.py").write_text(benchmark)
    command = [sys.executable, "-m", "asv", "--config", "continuous.json", "continuous", "--machine", "toy", "HEAD~1", "HEAD"]
    out = execute(command, toy, home, check=False)
    if "Creating virtualenv" in out.stdout and "Failure creating environment" in out.stdout:
        pytest.skip("no package index for asv's environment")
    assert "PERFORMANCE INCREASED" in out.stdout
    assert out.returncode == 0


def test_asv_ranks_by_ratio_alone(toy):
    """An unchanged negative number is an improvement to asv: why it gets none from us."""
    from asv.commands.compare import _is_result_better

    assert _is_result_better(0.40, 0.95, None, None, factor=1.1)
    assert _is_result_better(-10.0, -10.0, None, None, factor=1.1)


def test_optathlon_compare_calls_it_a_regression(toy, home):
    command = [sys.executable, "-c", "from optathlon.cli import main; main()", "compare", "--results", str(toy / "results")]
    out = execute([*command, "--format", "json", "HEAD~1", "HEAD"], toy, home, check=False)
    assert [one["verdict"] for one in json.loads(out.stdout)] == ["regressed"]
    assert out.returncode == 1
    back = execute([*command, "HEAD", "HEAD~1"], toy, home, check=False)
    assert "1 improved" in back.stdout
    assert back.returncode == 0


def test_machine_entry_has_every_field_and_keeps_others(home):
    path = home / ".asv-machine.json"
    entries = json.loads(path.read_text())
    assert entries["toy"].keys() == {"machine", "os", "arch", "cpu", "num_cpu", "ram", "gpu"}
    path.write_text(json.dumps(entries | {"another": {"machine": "another"}}))
    execute([sys.executable, "-m", "optathlon.asv.machine"], REPO, home)
    assert json.loads(path.read_text()).keys() == {"toy", "another", "version"}


# asv's pages on the site ---------------------------------------------------------------------------------------------


def site_of(results, target):
    return publish(Material(results=results, groups=[], rows=[]), target, api=False)


def test_site_holds_asv_pages_of_the_history(toy, tmp_path):
    page = site_of(toy / "results", tmp_path / "html")
    assert page == tmp_path / "html" / "index.html"
    graphs = json.loads((tmp_path / "html" / "asv" / "index.json").read_text())
    assert graphs["project"] == "toy"
    assert "bench.track_accuracy" in graphs["benchmarks"]
    assert 'href="asv/index.html"' in page.read_text()


def test_site_without_asv_results_has_no_link_to_its_pages(tmp_path):
    assert "asv/index.html" not in site_of(tmp_path / "results", tmp_path / "html").read_text()


def test_failing_asv_is_reported(tmp_path):
    (tmp_path / "results" / "asv").mkdir(parents=True)
    (tmp_path / "results" / "asv" / "benchmarks.json").write_text("{")
    with pytest.raises(ValueError, match="asv failed"):
        site_of(tmp_path / "results", tmp_path / "html")


# Our own door --------------------------------------------------------------------------------------------------------


@pytest.fixture
def configuration(tmp_path):
    """Return our own configuration with its results elsewhere: asv writes some even in a dry run."""
    text = (REPO / "asv.conf.json").read_text()
    for place in ('"repo": "."', '"benchmark_dir": "benchmarks"'):
        key, value = (part.strip('"') for part in place.split(": "))
        assert place in text
        text = text.replace(place, f'"{key}": "{(REPO / value).resolve()}"')
    (tmp_path / "asv.conf.json").write_text(text)
    return tmp_path


def test_asv_check_passes(configuration, home):
    execute([sys.executable, "-m", "asv", "check", "--python=same"], configuration, home)


def test_asv_runs_a_suite(configuration, home):
    run = [sys.executable, "-m", "asv", "run", "--python=same", "--machine", "toy", "--dry-run", "--show-stderr"]
    arguments = [*run, "--launch-method", "forkserver", "--bench", "BinaryRegression.*least-squares"]
    out = execute(arguments, configuration, home, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
    assert "failed" not in out.stdout
    assert "n/a" in out.stdout  # no CUDA for it
