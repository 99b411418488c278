"""Makes spyne 2.14.0 importable on Python 3.12 and later; import this before anything of spyne.

Two things it relies on are gone: the old protocol of import hooks (3.12), through which the `six` it carries gives out
`spyne.util.six.moves.*`, and the module `cgi` (3.13), of which it uses `parse_header` alone. Both are put in `sys.modules` under
the names it asks for. The stand-in for `cgi` and the hook are taken away again, so that nobody else believes the one to be there
and no other import meets the other.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType

from soap.mime import parse_content_type

_MOVED = {
    "collections_abc": "collections.abc",
    "http_cookies": "http.cookies",
    "urllib.error": "urllib.error",
    "urllib.parse": "urllib.parse",
    "urllib.request": "urllib.request",
}
_PREFIX = "spyne.util.six.moves."
_NEEDED = ("spyne", "spyne.protocol.soap.soap12", "spyne.server")


def parse_header(line: str) -> tuple[str, dict[str, str]]:
    """What `cgi.parse_header` gave: the value and its parameters."""
    kind = parse_content_type(line)
    return kind.media_type, dict(kind.parameters)


def install() -> None:
    """Imports what we use of spyne, with stand-ins where this Python has no such module. May be called again."""
    for name, real in _MOVED.items():
        sys.modules.setdefault(_PREFIX + name, importlib.import_module(real))
    lent = _stand_in_for_cgi() if sys.version_info >= (3, 13) and "cgi" not in sys.modules else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of cgi on 3.11 and 3.12
            warnings.simplefilter("ignore", ImportWarning)  # of the hook on 3.11
            for name in _NEEDED:
                importlib.import_module(name)
    finally:
        sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != "spyne.util.six"]
        if lent is not None:
            del sys.modules["cgi"]


def _stand_in_for_cgi() -> ModuleType:
    cgi = ModuleType("cgi")
    cgi.parse_header = parse_header  # type: ignore[attr-defined]  # a module made here has what we give it
    sys.modules["cgi"] = cgi
    return cgi


install()
