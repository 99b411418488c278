"""What every service of a process stands on: settings, the database with its tables, who we are, and our certificates."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.engine.url import make_url

from app import migrations
from app.health import database_answers
from app.metrics import CERTIFICATE
from app.settings import Settings, SettingsProblem
from arr.model import LOCAL
from arr.packing import carried, delivered
from atna.participants import AuditContext, this_process
from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
from kernel.outbox import Carriage
from kernel.times import system_clock
from kernel.tls import ClientTls, ServerTls, TlsFiles, ends_of, explain, file_problems

_CERTIFICATE_SECONDS = 60.0
"""Between two looks at when our certificate ends."""

log = structlog.get_logger("wiring")


class Ground:
    """Settings, database and certificates of one process. Opens nothing but the database."""

    def __init__(self, settings: Settings, data: Path, *, is_demo: bool = False) -> None:
        self.settings = settings
        self.is_demo = is_demo
        self.data = data
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = system_clock
        self.audit_targets = (
            *((LOCAL,) if settings.audit.local else ()),
            *(target.name for target in settings.audit.targets),
        )
        self.database = Database(
            database_url(settings, data),
            clock=self.clock,
            audit_targets=self.audit_targets,
            on_told=lambda: self._wake(),
            pool_size=settings.database.pool_size,
            prepare=settings.database.prepare,
            carriage=Carriage(carried, lambda message: delivered(message)[2]),
        )
        self._wake: Callable[[], None] = lambda: None
        self._forwarded: Callable[[str, int], None] = lambda _target, _count: None
        self._certificates_at = 0.0
        self._certificate_problems: tuple[str, ...] = ()
        site = settings.audit.enterprise_site or settings.affinity.authority.oid
        self.audit_context: AuditContext = this_process(settings.audit.source_id, site)

    def close(self) -> None:
        """Gives back what is open."""
        self.database.close()

    # tables

    def behind(self) -> tuple[str, ...]:
        """The packages whose tables are not those of this release. Raises `Unavailable`."""
        self._require_database()
        return migrations.behind(self.database.engine)

    def migrate(self) -> Iterator[str]:
        """Brings the tables up to this release; names each step. Raises `Unavailable`."""
        self._require_database()
        yield from migrations.upgrade(self.database.engine)

    def require_migrated(self) -> None:
        """Raises `Unavailable` when the tables are not those of this release."""
        late = self.behind()
        if late:
            advice = f"run `hie db upgrade` first ({', '.join(late)} behind)"
            raise Unavailable(violation(Condition.BUSY, "database", advice))

    def migrate_or_refuse(self) -> None:
        """The embedded database, and one that is empty, are brought up to date; another is never changed without being asked."""
        self._require_database()
        is_empty = not sa.inspect(self.database.engine).get_table_names()
        if self.database.is_sqlite or is_empty:
            for step in self.migrate():
                log.info("tables", step=step)
        self.require_migrated()

    def _require_database(self) -> None:
        database_answers(self.database)()

    # certificates

    def look_at_certificates(self) -> None:
        """Takes renewed files, and says what will soon be wrong with those in use."""
        files = self._tls_files()
        if files is None:
            return
        if self._server_tls.is_outdated:
            log.info("certificates renewed", file=str(files.certificate))
            self.reload_tls()
        elif time.monotonic() < self._certificates_at:
            return
        self._certificates_at = time.monotonic() + _CERTIFICATE_SECONDS
        ends, now = ends_of(files), self.clock()
        CERTIFICATE.set((ends - now).total_seconds() if ends else 0.0)
        problems = tuple(file_problems(files, now))
        for problem in problems if problems != self._certificate_problems else ():
            log.warning("certificate", problem=problem)
        self._certificate_problems = problems

    def server_tls(self) -> ssl.SSLContext:
        """What our TLS listeners use. Raises `SettingsProblem` where its files are not there or cannot be used."""
        return self._server_tls.context

    @cached_property
    def client_tls(self) -> ssl.SSLContext:
        """What we show and trust in every call to others, with the files as they are when it begins."""

        def tell(problem: Exception) -> None:
            log.error("certificates not taken", problem=explain(problem) if isinstance(problem, OSError) else str(problem))

        return ClientTls(self._tls_files(), trust=self.settings.tls.trust, on_problem=tell).context

    def reload_tls(self) -> None:
        """Reads certificates, authorities and revocation lists again; the old ones stay where the new cannot be used."""
        if self.settings.tls.certificate is None:
            return
        try:
            self._server_tls.reload()
        except (OSError, ValueError) as problem:
            log.error("certificates not taken", problem=explain(problem) if isinstance(problem, OSError) else str(problem))

    @cached_property
    def _server_tls(self) -> ServerTls:
        files = self._tls_files()
        if files is None:
            raise SettingsProblem("tls: a TLS listener needs tls.certificate and tls.key")
        try:
            return ServerTls(files, client_certificate=self.settings.tls.client_certificate)
        except (OSError, ValueError) as problem:
            raise SettingsProblem(f"tls: {files.certificate}: {problem}") from problem

    def _tls_files(self) -> TlsFiles | None:
        tls = self.settings.tls
        if tls.certificate is None or tls.key is None:
            return None
        return TlsFiles(tls.certificate, tls.key, tls.trust, tls.revoked)


def database_url(settings: Settings, data: Path) -> str:
    """The database's address: a file below the data folder, or a server with its password."""
    url = settings.database.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        return f"sqlite:///{(data / url.removeprefix('sqlite:///')).absolute()}"
    return with_password(url, settings.database.password_file)


def with_password(url: str, file: Path | None) -> str:
    """An address with the password that a file holds. Raises `SettingsProblem` when it cannot be read."""
    if file is None:
        return url
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise SettingsProblem(f"password_file: {file}: {problem.strerror}") from None
    return make_url(url).set(password=password).render_as_string(hide_password=False)
