"""A SLURM of two nodes on the loopback interface: its array of workers, and what happens when a node is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")
TOOLS = ("slurmctld", "slurmd", "sbatch", "munged")
pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or any(shutil.which(tool) is None for tool in TOOLS), reason="needs root and slurm-wlm, munge, slurm-client"
)
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort=26817
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=27001 CPUs=1 RealMemory=2000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=27002 CPUs=1 RealMemory=2000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start controller and two nodes; yield the nodes' daemons by name."""
    folder = tmp_path / "slurm"
    for part in ("state", "spool-n1", "spool-n2"):
        (folder / part).mkdir(parents=True)
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, host=os.uname().nodename.split(".")[0]))
    monkeypatch.setenv("SLURM_CONF", str(configuration))
    if subprocess.run(["pgrep", "-x", "munged"], capture_output=True, check=False).returncode:
        subprocess.run(["install", "-d", "-o", "munge", "-g", "munge", "-m", "755", "/run/munge"], check=True)
        subprocess.run(["runuser", "-u", "munge", "--", "/usr/sbin/munged"], check=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemons = {"controller": subprocess.Popen(["slurmctld", "-c", "-D", "-f", str(configuration)], **quiet)}
    time.sleep(0.5)
    for node in ("n1", "n2"):
        daemons[node] = subprocess.Popen(["slurmd", "-N", node, "-D", "-f", str(configuration)], **quiet)
    try:
        deadline = time.monotonic() + 30
        while "2 idle" not in subprocess.run(["sinfo", "-h", "-o", "%D %t"], capture_output=True, text=True, check=False).stdout:
            if time.monotonic() > deadline:
                pytest.skip("SLURM does not start here")
            time.sleep(0.1)
        yield daemons
    finally:
        subprocess.run(["scancel", "--name=optathlon"], capture_output=True, check=False)
        for daemon in daemons.values():
            daemon.terminate()
        for daemon in daemons.values():
            try:
                daemon.wait(5)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def test_a_node_is_lost_and_the_run_goes_on(house: Any, alone: Any, slurm: Any, tmp_path: Path) -> None:
    head = tmp_path / "head.sh"
    head.write_text(f"#!/bin/sh\n#SBATCH --time=10\n#SBATCH --output={tmp_path}/worker-%a.log\n")
    run = house.run("--on", "slurm", "--workers", "2", "--sbatch", str(head))
    house.until(lambda: len(house.kept()) >= 2)
    kept = house.kept()
    slurm["n2"].kill()  # the daemon, and all that runs on its node
    on_node = house.processes("", "SLURMD_NODENAME=n2")
    assert on_node
    for pid in on_node:
        with contextlib.suppress(ProcessLookupError):  # it went with another
            os.kill(pid, signal.SIGKILL)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert "is lost" in said
    assert "16 cells run" in said
    assert house.recorded() == alone
    assert {house.ended()[cell] for cell in kept} == {1}
    house.until(lambda: not house.processes("optathlon.cluster"))
