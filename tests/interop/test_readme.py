"""What the README and the demonstration give to copy, copied: every command does what is said beside it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import hie
from tests.support.service import OPEN_DOMAIN, Service, running

ROOT = Path(__file__).resolve().parents[2]
HIE = f'#!/bin/sh\nexec "{sys.executable}" -m app.cli "$@"\n'
FOUND = """$(hie find --patient "$XAD" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["unique_id"])')"""
ABOUT_THE_CHECKOUT = ("make ", ". .venv")


def blocks(text: str, heading: str) -> list[str]:
    """The shell blocks under a heading."""
    _, _, after = text.partition(f"\n## {heading}\n")
    assert after, f"there is no heading {heading!r}"
    return re.findall(r"```sh\n(.*?)```", after.partition("\n## ")[0], re.DOTALL)


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a script where `hie` is a program."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "hie").write_text(HIE)
    (programs / "hie").chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "300"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def on_ports_of(service: Service, script: str) -> str:
    """The script with the addresses of a service in place of the usual ones."""
    calls = {
        "hie feed ": f"--mllp 127.0.0.1:{service.mllp_port}",
        "hie pix ": f"--mllp 127.0.0.1:{service.mllp_port}",
        "hie submit ": f"--url {service.url}",
        "hie find ": f"--url {service.url}",
        "hie retrieve ": f"--url {service.url}",
        "hie audit search ": f"--data {service.data}",
    }
    for call, option in calls.items():
        assert call in script, f"the README does not show {call}any more"
        script = script.replace(call, f"{call}{option} ")
    return script


@pytest.mark.slow
def test_the_five_minutes_of_the_readme_end_with_the_document_and_its_trail(tmp_path: Path) -> None:
    (block,) = blocks((ROOT / "README.md").read_text(), "The first document in five minutes")
    lines = [line for line in block.splitlines() if not line.startswith(ABOUT_THE_CHECKOUT) and "make setup" not in line]
    started = [line for line in lines if "hie serve &" in line]
    script = "\n".join(line for line in lines if line not in started)
    script = script.replace("UNIQUE_ID", FOUND)

    with running(tmp_path / "data", OPEN_DOMAIN) as service:
        done = shell(tmp_path, on_ports_of(service, script))

    assert len(started) == 1
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("warning: taken as sent")] == []
    assert (tmp_path / "copy.txt").read_text() == (tmp_path / "letter.txt").read_text() == "Discharged in good health.\n"
    assert {"ITI-41", "ITI-18", "ITI-43"} <= set(re.findall(r"ITI-\d+", done.stdout))


@contextmanager
def demonstration(folder: Path) -> Iterator[list[str]]:
    """What `hie demo` prints until it waits for Ctrl-C; ended by it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "demo", "--data", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break
        yield lines
        process.send_signal(signal.SIGINT)
        lines += process.stdout.read().splitlines()
        assert process.wait(timeout=30) == 0, lines
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.slow
def test_the_commands_that_the_demonstration_prints_can_be_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with demonstration(tmp_path / "demo") as lines:
        commands = [shlex.split(line) for line in lines if line.startswith("  hie ")]
        done = {command[1]: hie(*command[1:]) for command in commands}

    assert sum(line.startswith("ok ") for line in lines) == 7
    assert list(done) == ["pdq", "pix", "find", "retrieve", "audit"]
    assert {name: (one.code, one.err) for name, one in done.items()} == dict.fromkeys(done, (0, ""))
    assert all(one.out.strip() for one in done.values())
