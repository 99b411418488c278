"""The console as a WSGI application: its pages, headers and error pages."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from flask import Blueprint, Flask, Response, abort, g, render_template, request, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from console import showing
from console.guard import SESSIONS, cookie, is_from_elsewhere, now, peer, roles_of, sessions, subject, tell
from console.navigation import entries
from console.notices import Notice
from console.sessions import Sessions
from console.showing import sentence
from console.signing import Logins, signing_pages
from kernel.errors import Condition, HieError, Refused, Unavailable

__all__ = ["BASE", "Logins", "make_console", "subject", "tell"]

log = structlog.get_logger("console")
BASE: Final = "/console"
_FOLDER: Final = Path(__file__).parent
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_OPEN: Final = frozenset({"static", "signing.home", "signing.sign_in_page", "signing.sign_in"})
_FORM_BYTES: Final = 64 << 10
_STATIC_SECONDS: Final = 365 * 24 * 3600
_PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("This cannot be understood", "The request is not one that these pages make."),
    403: ("This is not yours", "Your role does not open this page. The administrator sees identities, the auditor sees the audit."),
    404: ("There is nothing here", "The page or the thing it showed is not there (any more)."),
    405: ("This cannot be opened like that", "This address takes the forms of the console only."),
    413: ("This is too much", "What was sent is larger than any form of the console."),
    500: ("Something broke inside", "It is in the log, and nothing was changed by halves."),
}


def make_console(known: Sessions, logins: Logins, *pages: Blueprint, is_demo: bool = False) -> Flask:
    """The console with the pages given; mounted at `/console`. Raises `ValueError` for a page that nothing guards."""
    app = Flask("console", root_path=str(_FOLDER), static_url_path=f"{BASE}/static", static_folder="static")
    app.config.update(
        MAX_CONTENT_LENGTH=_FORM_BYTES,
        MAX_FORM_PARTS=100,
        SEND_FILE_MAX_AGE_DEFAULT=_STATIC_SECONDS,  # its address changes with its content
        SESSION_COOKIE_PATH=BASE,
    )
    app.extensions[SESSIONS] = known
    _prepare_templates(app, is_demo=is_demo)

    @app.before_request
    def find_session() -> None:
        g.session = known.session(cookie(), logins.timed_out) if cookie() and request.endpoint != "static" else None
        if is_from_elsewhere():
            abort(403, "This form was sent by another site.")

    app.after_request(_protect)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(HieError, _hie_problem)
    app.register_error_handler(Exception, _bug)
    for blueprint in (signing_pages(known, logins, BASE), *pages):
        app.register_blueprint(blueprint, url_prefix=BASE)
    unguarded = sorted(name for name, view in app.view_functions.items() if name not in _OPEN and roles_of(view) is None)
    if unguarded:
        raise ValueError(f"nobody guards {', '.join(unguarded)}")
    return app


def _prepare_templates(app: Flask, *, is_demo: bool) -> None:
    jinja = app.jinja_env
    jinja.trim_blocks = jinja.lstrip_blocks = True
    jinja.undefined = StrictUndefined
    jinja.filters.update(showing.FILTERS)
    digests = {file.name: sha256(file.read_bytes()).hexdigest()[:12] for file in (_FOLDER / "static").iterdir()}
    jinja.globals["asset"] = lambda name: url_for("static", filename=name, v=digests[name])

    @app.context_processor
    def common() -> dict[str, object]:
        session = g.get("session")
        return {
            "session": session,
            "entries": entries(session.role) if session else (),
            "is_demo": is_demo,
            "notice": _notice(),
            "now": now,
        }


def _notice() -> Notice | None:
    """What is to be told to this person; told once."""
    session = g.get("session")
    if session is None or not session.notice:
        return None
    if "notice" not in g:
        g.notice = Notice.from_json(session.notice)
        sessions().tell(cookie(), None)
    told: Notice = g.notice
    return told


def _protect(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _http_problem(problem: HTTPException) -> tuple[str, int]:
    code = problem.code or 500
    what, words = _PROBLEMS.get(code, (problem.name, ""))
    said = problem.description or ""
    own = said and said != type(problem).description  # ours, where one of our pages said more than the code does
    return _problem(code, what, (said if own else words or said,))


def _hie_problem(problem: HieError) -> tuple[str, int]:
    lines = tuple(sentence(v.detail) for v in problem.violations)
    if isinstance(problem, Unavailable):
        return _problem(503, "Not now", (*lines, "Try again in a moment."))
    if isinstance(problem, Refused):
        return _problem(403, _PROBLEMS[403][0], lines)
    if problem.condition is Condition.IDENTIFIER_UNKNOWN:
        return _problem(404, _PROBLEMS[404][0], lines)
    return _problem(409, "This cannot be done", lines)


def _bug(problem: Exception) -> tuple[str, int]:
    log.error("bug", endpoint=request.endpoint, request_id=peer().request_id, exc_info=problem)
    what, words = _PROBLEMS[500]
    return _problem(500, what, (words,))


def _problem(code: int, what: str, lines: tuple[str, ...]) -> tuple[str, int]:
    return render_template("problem.html", code=code, what=what, lines=lines, request_id=peer().request_id), code
