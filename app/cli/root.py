"""The commands, put together."""

from __future__ import annotations

import os
import sys

import typer

from app.cli import (
    audit,
    backups,
    batches,
    certificates,
    clients,
    demo,
    domain,
    identities,
    media,
    on_demand,
    received,
    retention,
    service,
    storage,
)
from app.cli.common import FAILED, USAGE, report_error
from app.settings import SettingsProblem
from kernel.errors import HieError
from kernel.logs import configure_logs

app = typer.Typer(
    name="hie",
    help="Affinity: patient identity and document sharing (XDS.b, PIX, PDQ, ATNA).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
service.add_to(app)
demo.add_to(app)
clients.add_to(app)
batches.add_to(identities.app)
app.add_typer(identities.app, name="mpi", help="Patient identities.")
retention.add_to(audit.app)
app.add_typer(audit.app, name="audit", help="The audit record repository.")
app.add_typer(certificates.app, name="cert", help="Certificates and TLS.")
app.add_typer(on_demand.app, name="on-demand")
app.add_typer(received.app, name="received")
app.add_typer(media.app, name="import")
app.add_typer(storage.app, name="storage")
app.add_typer(backups.app, name="backup")
domain.add_to(app)


def main() -> None:
    """Runs a command. Exit codes: 0 done, 1 refused or found wrong, 2 called wrongly, 3 somebody needed is away."""
    configure_logs("WARNING", "text")  # to standard error; `serve` and its like set it up as the settings say
    try:
        app()
    except HieError as problem:
        sys.exit(report_error(problem))
    except SettingsProblem as problem:
        sys.stderr.write(f"The settings cannot be used:\n{problem}\n")
        sys.exit(USAGE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except OSError as problem:
        if not problem.filename:
            raise
        sys.stderr.write(f"error: {problem.filename}: {problem.strerror}\n")
        sys.exit(FAILED)
