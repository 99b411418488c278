"""One Settings made of the packages' sections; the only reader of the environment and of the settings file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from access.settings import NodeSettings
from affinity.settings import AffinitySettings
from arr.settings import ArrSettings
from mpi.settings import MatchingSettings, MpiSettings
from registry.settings import RegistrySettings
from repository.settings import RepositorySettings
from soap.settings import SoapSettings

PREFIX: Final = "HIE_"
OUTSIDE: Final = ("HIE_TEST_", "HIE_NOTHING_SKIPPED", "HIE_CLIENT_")
"""Names in the environment that belong to the tests and to the client commands."""


class Section(BaseModel):
    """A part of the settings: nothing unknown in it, and nothing changes it once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and not (host and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError("host:port is needed, as 127.0.0.1:8080")
    return text


def _database(text: str) -> str:
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(_WHICH_DATABASE) from None
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg") or not url.database:
        raise ValueError(_WHICH_DATABASE)
    return text


def _broker(text: str) -> str:
    scheme, colon, rest = text.partition("://")
    if not colon or scheme not in ("memory", "amqp", "amqps", "redis", "rediss") or bool(rest) is (scheme == "memory"):
        raise ValueError("memory:// is needed, or amqp://USER@HOST//, or redis://HOST/0")
    return text


def _audit_target(text: str) -> str:
    scheme, _, place = text.partition("://")
    parts = urlsplit(text)
    if scheme in ("syslog+tls", "syslog+tcp", "syslog+udp"):
        _address(place)
    elif scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("syslog+tls://HOST:PORT is needed, or syslog+tcp, or syslog+udp, or https://HOST/BASE of a FHIR server")
    if not place:
        raise ValueError("an address is needed")
    return text


_WHICH_DATABASE: Final = "sqlite:///FILE is needed, or postgresql+psycopg://USER@HOST/NAME"
Listen = Annotated[str, AfterValidator(_address)]
"""host:port; empty for none."""


class TlsSettings(Section):
    """The TLS twin of a listener; without a certificate there is none."""

    certificate: Path | None = Field(None, description="File with our certificate and its chain (PEM).")
    key: Path | None = Field(None, description="File with the private key (PEM), readable by the service alone.")
    trust: Path | None = Field(None, description="File with the authorities that issue the certificates of nodes (PEM).")
    revoked: Path | None = Field(None, description="File with revocation lists (PEM); checked when given.")
    client_certificate: bool = Field(True, description="Whether a node must show a certificate.")
    nodes: tuple[NodeSettings, ...] = Field(
        (), description="The registered nodes. Without any, every trusted certificate may ask for everything."
    )


class HttpSettings(Section):
    """The HTTP listener."""

    listen: Listen = Field("127.0.0.1:8080", description="host:port of the plain listener; empty for none.")
    listen_tls: Listen = Field("", description="host:port of the TLS twin; empty for none.")
    public_url: str = Field("", description="The address by which others reach the service, where a proxy stands before it.")
    threads: int = Field(
        24, ge=4, le=256, description="Requests under way at the same time in one process; four compute, the others wait."
    )
    processes: int = Field(1, ge=1, le=64, description="Processes that serve HTTP; more than one needs PostgreSQL and a broker.")
    pinned: bool = Field(
        False,
        description="Each process stays on a processor of its own: faster where the service has the machine to itself (Linux).",
    )
    bulk: int = Field(12, ge=1, le=256, description="Requests with documents at the same time; more are told to come back.")
    idle_seconds: float = Field(30.0, gt=0, description="A connection that neither sends nor takes a byte so long is closed.")
    header_bytes: int = Field(64 << 10, ge=4096, description="Largest head of a request, in bytes.")
    body_bytes: int = Field(4 << 30, ge=1 << 20, description="Largest body of a request, documents included, in bytes.")


class MllpSettings(Section):
    """The HL7 v2 listener."""

    listen: Listen = Field("127.0.0.1:2575", description="host:port of the plain listener; empty for none.")
    listen_tls: Listen = Field("", description="host:port of the TLS twin; empty for none.")
    threads: int = Field(16, ge=1, le=256, description="Messages worked on at the same time.")
    message_bytes: int = Field(4 << 20, ge=4096, description="Largest message, in bytes.")
    idle_seconds: float = Field(300.0, gt=0, description="A connection without a message so long is closed.")
    frame_seconds: float = Field(30.0, gt=0, description="A message must be complete within this time of its first byte.")


class SyslogSettings(Section):
    """The listeners for audit messages of others."""

    listen_udp: Listen = Field("127.0.0.1:5514", description="host:port for UDP; empty for none.")
    listen_tls: Listen = Field("127.0.0.1:6514", description="host:port for TLS; not opened while there is no certificate.")
    listen_tcp: Listen = Field("", description="host:port for syslog over plain TCP; empty for none.")
    message_bytes: int = Field(1 << 20, ge=8192, description="Largest message, in bytes.")


class DatabaseSettings(Section):
    """Where the records are kept."""

    url: Annotated[str, AfterValidator(_database)] = Field(
        "sqlite:///affinity.db",
        description="sqlite:///FILE (below the data folder) or postgresql+psycopg://USER@HOST/NAME; password by `password_file`.",
    )
    password_file: Path | None = Field(None, description="File that holds the password of the database and nothing else.")
    pool_size: int = Field(16, ge=2, le=200, description="Connections that a process keeps.")
    prepare: bool = Field(
        True,
        description="Keep statements prepared on PostgreSQL. False behind a pooler that gives each transaction another connection.",
    )


class BrokerSettings(Section):
    """What carries the ids of work to the workers."""

    url: Annotated[str, AfterValidator(_broker)] = Field(
        "memory://", description="memory:// (a worker in this process), amqp://... or redis://..."
    )
    password_file: Path | None = Field(None, description="File that holds the password of the broker and nothing else.")
    queue: str = Field("hie", description="Name of the queue.")


class WorkerSettings(Section):
    """Who works off the outbox."""

    embedded: bool = Field(default=True, description="Whether `serve` works itself; false where `hie worker` runs beside it.")
    lease_seconds: float = Field(
        30.0,
        ge=1.0,
        le=3600.0,
        description="After so long work that no worker has finished, as when one was killed, is handed out again.",
    )


class AuditTarget(Section):
    """An audit record repository of somebody else."""

    name: str = Field(description="What it is called in logs and metrics.")
    url: Annotated[str, AfterValidator(_audit_target)] = Field(
        description="syslog+tls://HOST:PORT, syslog+tcp://HOST:PORT or syslog+udp://HOST:PORT; or the base of a FHIR server that "
        "takes AuditEvents, as https://HOST/fhir."
    )


class AuditSettings(Section):
    """Audit messages on their way out."""

    source_id: str = Field("affinity", description="AuditSourceID of every message.")
    enterprise_site: str = Field("", description="AuditEnterpriseSiteID; the affinity domain's OID when empty.")
    local: bool = Field(True, description="Whether our own audit record repository takes every message.")
    targets: tuple[AuditTarget, ...] = Field((), description="Other audit record repositories that take every message.")
    spool_messages: int = Field(1_000_000, ge=1, description="Messages that may wait for one of these repositories.")
    spool_policy: Literal["block", "mark"] = Field(
        "block",
        description="When more would wait: `block` serves nobody until there is room, `mark` keeps no more for it and says so.",
    )
    alarm_seconds: float = Field(600.0, gt=0, description="The log says so when a message has waited so long.")

    @model_validator(mode="after")
    def _is_kept_somewhere(self) -> AuditSettings:
        if self.spool_policy == "mark" and not self.local:
            raise ValueError("spool_policy mark needs our own repository (audit.local), which then has what others miss")
        return self


class ConsoleSettings(Section):
    """The web console."""

    session_idle_seconds: int = Field(900, ge=60, description="A session not used so long is ended.")
    session_seconds: int = Field(8 * 3600, ge=300, description="A session is ended after this time in any case.")
    link_seconds: int = Field(900, ge=60, description="How long a one-time sign-in link is good.")


class LogSettings(Section):
    """What is told to the operator."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least level that is written.")
    form: Literal["json", "text"] = Field("json", description="One JSON object a line, or text for a person at a terminal.")


class Settings(Section):
    """Everything an operator may set."""

    affinity: AffinitySettings = Field(default_factory=AffinitySettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    storage: RepositorySettings = Field(default_factory=RepositorySettings)
    registry: RegistrySettings = Field(default_factory=RegistrySettings)
    matching: MatchingSettings = Field(default_factory=MatchingSettings)
    mpi: MpiSettings = Field(default_factory=MpiSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    soap: SoapSettings = Field(default_factory=SoapSettings)
    mllp: MllpSettings = Field(default_factory=MllpSettings)
    syslog: SyslogSettings = Field(default_factory=SyslogSettings)
    tls: TlsSettings = Field(default_factory=TlsSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    arr: ArrSettings = Field(default_factory=ArrSettings)
    console: ConsoleSettings = Field(default_factory=ConsoleSettings)
    log: LogSettings = Field(default_factory=LogSettings)


class SettingsProblem(Exception):
    """The settings cannot be used; the text names every place and what is wrong there, never a secret."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and where each that is not a default came from."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(file: Path | None, environment: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Loaded:
    """Defaults, then the file, then the environment, then the command line. Raises `SettingsProblem`."""
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file is not None:
        tree = _read(file)
        origins = {name: str(file) for name in _leaves(tree)}
    _put(tree, origins, _from_environment(environment), "environment")
    _put(tree, origins, dict(overrides or {}), "command line")
    try:
        return Loaded(Settings.model_validate(tree), origins)
    except ValidationError as problem:
        raise SettingsProblem("\n".join(_explained(problem, origins))) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise SettingsProblem(f"{file}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsProblem(f"{file}: {problem}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = (n for n in environment if n.startswith(PREFIX) and not n.startswith(OUTSIDE))
    return {name.removeprefix(PREFIX).lower().replace("__", "."): environment[name] for name in names}


def _put(tree: dict[str, Any], origins: dict[str, str], values: Mapping[str, str], origin: str) -> None:
    for name, value in values.items():
        *path, last = name.split(".")
        place = tree
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise SettingsProblem(f"{name} ({origin}): {step} is no section")
        place[last] = _as_value(value)
        origins[name] = origin


def _as_value(text: str) -> Any:
    """Lists and tables are written as in the file; everything else is text, which the field's type reads."""
    if text[:1] in "[{":
        try:
            return tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def _explained(problem: ValidationError, origins: Mapping[str, str]) -> Iterator[str]:
    for error in problem.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in error["loc"])
        leaf = next(
            (leaf for leaf in origins if leaf == name or f"{leaf}.".startswith(f"{name}.") or name.startswith(f"{leaf}.")), ""
        )
        name, origin = max(name, leaf, key=len), origins.get(leaf, "")
        what = "there is no such setting" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
        yield f"{name}{f' ({origin})' if origin else ''}: {what}"


def shown(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """Every setting in force: its name, its value with secrets masked, and where it came from."""
    for name, value in _flat(loaded.settings):
        yield name, masked(value), loaded.origins.get(name, "default")


def _flat(section: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", str(value)


def masked(value: str) -> str:
    """An address without its password; anything else as it is."""
    head, mark, tail = value.partition("://")
    if not mark or "@" not in tail:
        return value
    user, _, rest = tail.rpartition("@")
    return f"{head}://{user.partition(':')[0]}:***@{rest}" if ":" in user else value


def default_file() -> Path | None:
    """`hie.toml` in the present folder, when there is one."""
    file = Path("hie.toml")
    return file if file.exists() else None


def present_environment() -> Mapping[str, str]:
    """The environment of the process."""
    return os.environ
