"""A SLURM of the tests' own: its controller and two nodes, all of them this machine."""

import os
import shutil
import socket
import subprocess
from contextlib import suppress
from getpass import getuser
from pathlib import Path

from r1web.local.address import free_port
from tests.r1web.waiting import until

PROGRAMS = ("slurmctld", "slurmd", "slurmstepd", "sbatch", "scontrol", "srun")


def why_no_slurm() -> str:
    """Why this machine cannot have one; empty when it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"needs {', '.join(missing)}: install SLURM (slurm-wlm)" if missing else ""


class RealSlurm:
    """Call `start` with SLURM_CONF in the environment of whoever asks it something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for name in ("state", "node1", "node2"):
            (self.folder / name).mkdir()
        self.conf.write_text(self._configuration())
        self._spawn("slurmctld", "-D")
        for node in ("node1", "node2"):
            stepd = shutil.which("slurmstepd")
            assert stepd is not None
            self._spawn("slurmd", "-D", "-N", node, "-d", stepd)
        until(self._is_up)

    def stop(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            daemon.wait()

    def _spawn(self, *words: str) -> None:
        with (self.folder / "daemons.log").open("ab") as log:
            self.daemons.append(
                subprocess.Popen(
                    words, stdout=log, stderr=log, env={**os.environ, "SLURM_CONF": str(self.conf)}
                )
            )

    def _is_up(self) -> bool:
        with suppress(subprocess.CalledProcessError):
            states = subprocess.run(
                ["scontrol", "--oneliner", "show", "nodes"],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "SLURM_CONF": str(self.conf)},
            ).stdout
            return states.count("State=IDLE") == 2
        return False

    def _configuration(self) -> str:
        host = socket.gethostname().partition(".")[0]
        return f"""
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmUser={getuser()}
SlurmdUser={getuser()}
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/%n
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/%n.pid
SlurmctldLogFile={self.folder}/slurmctld.log
SlurmdLogFile={self.folder}/%n.log
KillWait=5
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1
PartitionName=gpu Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
"""
