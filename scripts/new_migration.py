"""Writes the next step of a package's tables: what differs between its last step and the tables that the code declares.

`python -m scripts.new_migration PACKAGE NAME`. Read and correct what it writes: renames look like a drop and an add.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import DowngradeOps, UpgradeOps

from app.migrations import HISTORIES, _context, upgrade

TEMPLATE = '''"""{message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}


def upgrade() -> None:
    """Takes the step."""
    {up}


def downgrade() -> None:
    """Takes the step back."""
    {back}
'''


def _code(operations: UpgradeOps | DowngradeOps) -> str:
    lines = render_python_code(operations, sqlalchemy_module_prefix="sa.").splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith("#")).strip()


def main() -> None:
    """Writes the file."""
    package, message = sys.argv[1:]
    history = next(h for h in HISTORIES if h.name == package)
    history.folder.mkdir(exist_ok=True)
    scripts = history.scripts()
    head = scripts.get_current_head()
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{Path(folder) / 'x.db'}")
        list(upgrade(engine, [history]))
        with engine.connect() as connection:
            found = produce_migrations(_context(connection, history), history.metadata)
    assert found.upgrade_ops is not None
    assert found.downgrade_ops is not None
    number = len(list(scripts.walk_revisions())) + 1
    revision = f"{number:04}"
    text = TEMPLATE.format(
        message=message,
        revision=revision,
        down=f'"{head}"' if head else "None",
        up=_code(found.upgrade_ops),
        back=_code(found.downgrade_ops),
    )
    name = "_".join(message.lower().rstrip(".").split())[:40]
    (history.folder / f"{revision}_{name}.py").write_text(text)


main()
