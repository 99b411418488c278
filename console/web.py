"""The console as a WSGI application: who may see what, forms that cannot be forged, headers, error pages."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final, ParamSpec, cast

from flask import Blueprint, Flask, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from access.subject import Subject
from console.sessions import COOKIE, Sessions
from console.store import Role, Session
from kernel.codes import Code
from kernel.errors import HieError, Refused, Unavailable
from kernel.peer import Peer

PEER: Final = "hie.peer"
BASE: Final = "/console"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
P = ParamSpec("P")
Page = str | Response | AnyResponse
SCHEME: Final = "1.3.6.1.4.1.21367.2005.13.20.1000.console"


@dataclass(frozen=True, slots=True)
class Logins:
    """How logins and logouts become audit records."""

    login: Callable[[Subject, str], bytes]
    logout: Callable[[Subject, str], bytes]


def peer() -> Peer:
    """The other end of this request."""
    return cast("Peer", request.environ[PEER])


def current() -> Session:
    """Who is signed in. Only inside a page that `page` guards."""
    return cast("Session", g.session)


def subject_of(name: str, role: Role) -> Subject:
    """The person as audit records and services know her."""
    return Subject(peer(), source=name, receiver=peer().endpoint, user=name, roles=(Code(role.value, SCHEME, role.value),))


def subject() -> Subject:
    """The person who is signed in."""
    return subject_of(current().name, current().role)


def page(*roles: Role) -> Callable[[Callable[P, Page]], Callable[P, Page]]:
    """Guards a page: signed in, in one of the roles, and with the session's secret in every form."""

    def guarded(view: Callable[P, Page]) -> Callable[P, Page]:
        @wraps(view)
        def guard(*args: P.args, **kwargs: P.kwargs) -> Page:
            if g.session is None:
                return redirect(url_for("signing.sign_in_page"))
            if roles and current().role not in roles:
                abort(403)
            if request.method == "POST" and not _is_own_form():
                abort(400, "The form has expired. Go back, load the page again and send it once more.")
            return view(*args, **kwargs)

        return guard

    return guarded


def _is_own_form() -> bool:
    return secrets.compare_digest(request.form.get("form_secret", ""), current().form_secret)


def make_console(sessions: Sessions, logins: Logins, *pages: Blueprint, is_demo: bool = False) -> Flask:
    """The console with the pages given; mounted at `/console`."""
    app = Flask("console", static_url_path=f"{BASE}/static", static_folder="static", template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=64 << 10, MAX_FORM_PARTS=100, SEND_FILE_MAX_AGE_DEFAULT=3600)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.autoescape = True

    @app.before_request
    def find_session() -> None:
        cookie = request.cookies.get(COOKIE, "")
        g.session = sessions.session(cookie) if cookie else None

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if not request.path.startswith(f"{BASE}/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.context_processor
    def common() -> dict[str, object]:
        return {"session": g.get("session"), "Role": Role, "is_demo": is_demo}

    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(HieError, _hie_problem)
    app.register_blueprint(_signing(sessions, logins), url_prefix=BASE)
    for blueprint in pages:
        app.register_blueprint(blueprint, url_prefix=BASE)
    return app


def _http_problem(problem: HTTPException) -> tuple[str, int]:
    code = problem.code or 500
    return render_template("problem.html", code=code, what=problem.name, detail=problem.description), code


def _hie_problem(problem: HieError) -> tuple[str, int]:
    code = 503 if isinstance(problem, Unavailable) else 403 if isinstance(problem, Refused) else 409
    return render_template("problem.html", code=code, what=problem.condition.value, detail=problem.detail), code


def _signing(sessions: Sessions, logins: Logins) -> Blueprint:
    pages = Blueprint("signing", __name__)

    @pages.get("")
    @pages.get("/")
    def home() -> Page:
        if g.session is None:
            return redirect(url_for("signing.sign_in_page"))
        return redirect(url_for("identities.queue" if current().role is Role.ADMINISTRATOR else "audit.search"))

    @pages.get("/sign-in")
    def sign_in_page() -> Page:
        # the link is used up by the button and not by being fetched: programs fetch links before people do
        link = request.args.get("link", "")
        return render_template("sign_in.html", link=link, is_good=bool(link) and sessions.is_link_good(link))

    @pages.post("/sign-in")
    def sign_in() -> Page:
        secret = sessions.sign_in(
            request.form.get("link", ""), lambda name, role: logins.login(subject_of(name, role), name)
        )
        if secret is None:
            return Response(render_template("sign_in.html", link="x", is_good=False), 403)
        response = redirect(url_for("signing.home"))
        response.set_cookie(
            COOKIE, secret, path=BASE, httponly=True, samesite="Strict", secure=peer().endpoint.startswith("https:")
        )
        return response

    @pages.post("/sign-out")
    @page()
    def sign_out() -> Page:
        sessions.sign_out(request.cookies[COOKIE], logins.logout(subject(), current().name))
        response = redirect(url_for("signing.sign_in_page"))
        response.delete_cookie(COOKIE, path=BASE)
        return response

    return pages
