"""SLURM's commands as far as submitit uses them, on this machine: sbatch runs a file's array, task after task, srun a command.

`install(folder)` puts them into a folder for the PATH. What they know of jobs lies beside them, a file with the state of each. A task that
was queued again (scontrol requeue) is run again once its processes have ended.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

COMMANDS = ("sbatch", "srun", "scontrol", "sacct", "squeue", "scancel")
FOLDER = Path(__file__).resolve().parent
STATE = FOLDER / "jobs"


def install(folder: Path) -> Path:
    """Make the commands in `folder`; where they keep the states of jobs."""
    program = folder / "fake_slurm.py"
    program.write_text(Path(__file__).read_text())
    for name in COMMANDS:
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" {name} "$@"\n')
        (folder / name).chmod(0o755)
    (folder / "jobs").mkdir()
    return folder / "jobs"


def sbatch(script: str) -> None:
    number = len(list(FOLDER.glob("*.sh"))) + 100
    kept = FOLDER / f"{number}.sh"
    kept.write_text(Path(script).read_text())
    array = re.search(r"#SBATCH --array=0-(\d+)", kept.read_text())
    jobs = [f"{number}_{task}" for task in range(int(array[1]) + 1)] if array else [str(number)]
    for job in jobs:
        (STATE / job).write_text("PENDING")
    command = [sys.executable, __file__, "run_array", str(kept), *jobs]
    log = (FOLDER / "log").open("a")
    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    print(f"Submitted batch job {number}")


def run_array(script: str, *jobs: str) -> None:
    for job in jobs:
        number, _, task = job.partition("_")
        environment = {**os.environ, "SLURM_JOB_ID": number, "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1"}
        environment |= {
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
            "SLURM_NODEID": "0",
            "SLURM_JOB_NODELIST": "localhost",
        }
        if task:
            environment |= {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": task}
        while (STATE / job).read_text() == "PENDING":
            (STATE / job).write_text("RUNNING")
            status = subprocess.run(["bash", script], env=environment, check=False).returncode
            if (STATE / job).read_text() == "RUNNING":
                (STATE / job).write_text("FAILED" if status else "COMPLETED")


def srun(*words: str) -> None:
    number, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    output = words[words.index("--output") + 1]
    for sign, value in {"%A": number, "%a": task, "%j": os.environ["SLURM_JOB_ID"], "%t": "0"}.items():
        output = output.replace(sign, str(value))
    command = list(words[words.index("--error") + 2 :])
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    with open(output, "a") as log:
        sys.exit(subprocess.run(command, stdout=log, stderr=log, check=False).returncode)


def scontrol(what: str, job: str) -> None:
    assert what == "requeue"
    (STATE / job).write_text("PENDING")
    (FOLDER / "requeued").open("a").write(f"{job}\n")


def sacct(*words: str) -> None:
    print("JobID|State|NodeList")
    for path in STATE.iterdir():
        print(f"{path.name}|{path.read_text()}|localhost")


def squeue(*words: str) -> None:
    print(*(path.name for path in STATE.iterdir() if path.read_text() in {"PENDING", "RUNNING"}), sep="\n")


if __name__ == "__main__":
    {name: globals()[name] for name in (*COMMANDS[:-1], "run_array")}[sys.argv[1]](*sys.argv[2:])
