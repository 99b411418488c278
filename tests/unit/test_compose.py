"""docker-compose.yml, as a Compose client reads it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.settings import load_settings
from arr.signing import load_signer

ROOT = Path(__file__).resolve().parents[2]
SECRETS = (
    "database_password",
    "broker_password",
    "objects_access_key",
    "objects_secret_key",
    "objects_config.json",
    "audit-key.pem",
)


@pytest.fixture
def domain(tmp_path: Path) -> dict[str, Any]:
    """What the file means: every anchor and default resolved."""
    command = [shutil.which("docker-compose") or ""] if shutil.which("docker-compose") else ["docker", "compose"]
    if shutil.which(command[0]) is None:
        pytest.skip("no Compose client on this machine")
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "secrets").mkdir()
    for name in SECRETS:
        (tmp_path / "secrets" / name).write_text("x")
    quiet = subprocess.run([*command, "config", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (quiet.returncode, quiet.stdout) == (0, ""), quiet.stderr
    shown = subprocess.run([*command, "config"], cwd=tmp_path, capture_output=True, text=True, check=True)
    return _read(shown.stdout, tmp_path)


def _read(text: str, folder: Path) -> dict[str, Any]:
    """YAML by the Compose client's own library: every one prints JSON on demand or brings PyYAML along."""
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(text), default=str))
    return found


def test_every_setting_that_a_container_is_given_is_one_of_ours(domain: dict[str, Any]) -> None:
    ours = [service for service in domain["services"].values() if str(service.get("image", "")).startswith("affinity-hie")]

    for service in ours:
        load_settings(None, {name: str(value) for name, value in service["environment"].items()})
    assert len(ours) >= 3


def test_our_containers_run_without_rights_they_do_not_need(domain: dict[str, Any]) -> None:
    ours = [service for service in domain["services"].values() if str(service.get("image", "")).startswith("affinity-hie")]

    for service in ours:
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]
    assert re.search(r"^USER hie$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_process_signs_the_audit_log_with_one_key(domain: dict[str, Any]) -> None:
    ours = [service for service in domain["services"].values() if str(service.get("image", "")).startswith("affinity-hie")]

    assert {service["environment"]["HIE_ARR__KEY_FILE"] for service in ours} == {"/run/secrets/audit_key"}
    assert all("audit_key" in str(service["secrets"]) for service in ours)


def test_nothing_listens_beyond_this_machine(domain: dict[str, Any]) -> None:
    published = [str(port) for service in domain["services"].values() for port in service.get("ports", ())]

    assert published
    assert all("127.0.0.1" in port for port in published)


def test_no_password_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    assert not re.search(r"(?i)(?:PASSWORD|SECRET_KEY|ACCESS_KEY)\s*[:=]\s*[^\s$/{\[]", text)


def test_whatever_serves_is_watched(domain: dict[str, Any]) -> None:
    lasting = {name for name, service in domain["services"].items() if service.get("restart") != "no"}

    assert {name for name in lasting if "healthcheck" not in domain["services"][name]} == {"worker"}


def test_the_secrets_that_it_asks_for_are_made_once_and_stay(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = Path(shutil.copy(ROOT / "scripts/compose_secrets.sh", tmp_path / "scripts"))

    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
        first = {name: (tmp_path / "secrets" / name).read_text() for name in SECRETS}
    subprocess.run(["sh", str(script)], check=True, capture_output=True, env={"PATH": os.environ["PATH"]})

    assert first == {name: (tmp_path / "secrets" / name).read_text() for name in SECRETS}
    assert len(first["database_password"]) == 32
    load_signer(tmp_path / "secrets/audit-key.pem")
    assert json.loads(first["objects_config.json"])["identities"][0]["credentials"][0]["accessKey"] == first["objects_access_key"]
