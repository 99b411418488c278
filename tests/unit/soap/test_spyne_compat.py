"""soap.spyne_compat"""

from __future__ import annotations

import subprocess
import sys

import pytest

from soap.spyne_compat import install, parse_header

CLEAN = """
import sys
import soap.spyne_compat
from spyne import Application, rpc
from spyne.protocol.soap.soap12 import Soap12
from spyne.server import ServerBase
assert sys.version_info < (3, 13) or "cgi" not in sys.modules, "cgi seems to be there"
assert not [hook for hook in sys.meta_path if type(hook).__module__.startswith("spyne")], "a hook is left"
print("imported")
"""


def test_spyne_imports_without_a_warning_and_leaves_nothing_behind() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", CLEAN], capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.strip() == "imported", done.stderr


def test_installing_again_changes_nothing() -> None:
    before = (dict(sys.modules), list(sys.meta_path))

    install()

    assert (dict(sys.modules), list(sys.meta_path)) == before


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("text/xml", ("text/xml", {})),
        ('text/xml; charset="utf-8"; a=b', ("text/xml", {"charset": "utf-8", "a": "b"})),
    ],
)
def test_a_header_is_parsed_as_the_missing_module_did(line: str, parsed: tuple[str, dict[str, str]]) -> None:
    assert parse_header(line) == parsed
