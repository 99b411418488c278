"""Who may see a page, and forms that cannot be forged. What every page asks about its request."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, cast

from flask import Response, abort, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access.subject import Subject
from atna.vocabulary import HOUSE
from console.notices import Notice
from console.sessions import COOKIE, Sessions
from console.store import Role, Session
from kernel.codes import Code
from kernel.peer import Peer

PEER: Final = "hie.peer"
SESSIONS: Final = "console.sessions"
_ROLES: Final = "roles"
LARGEST: Final = (1 << 63) - 1
"""The largest number a database key can be; a larger one in an address is no page."""
P = ParamSpec("P")
Page = str | Response | AnyResponse | tuple[str, int]


def peer() -> Peer:
    """The other end of this request."""
    return cast("Peer", request.environ[PEER])


def sessions() -> Sessions:
    """The sessions of this console."""
    return cast("Sessions", current_app.extensions[SESSIONS])


def now() -> int:
    """Milliseconds since 1970."""
    return sessions().now()


def cookie() -> str:
    """The secret of the session, as the browser sent it."""
    return request.cookies.get(COOKIE, "")


def current() -> Session:
    """Who is signed in. Only inside a page that `page` guards."""
    return cast("Session", g.session)


def subject_of(name: str, role: Role) -> Subject:
    """A person as audit records and services know her."""
    return Subject(peer(), source="console", receiver=peer().endpoint, user=name, roles=(Code(role.value, HOUSE, role.value),))


def subject() -> Subject:
    """The person who is signed in."""
    return subject_of(current().name, current().role)


def tell(notice: Notice) -> None:
    """Has the next page tell the person something."""
    sessions().tell(cookie(), notice)


def page(*roles: Role) -> Callable[[Callable[P, Page]], Callable[P, Page]]:
    """Guards a page: signed in, in one of the roles (any when none is named), and with the session's secret in every form."""

    def guarded(view: Callable[P, Page]) -> Callable[P, Page]:
        @wraps(view)
        def guard(*args: P.args, **kwargs: P.kwargs) -> Page:
            if g.session is None:
                return _to_sign_in()
            if roles and current().role not in roles:
                abort(403)
            if request.method == "POST" and not _is_own_form():
                abort(400, "The form has expired. Go back, load the page again and send it once more.")
            return view(*args, **kwargs)

        guard.__dict__[_ROLES] = roles or tuple(Role)
        return guard

    return guarded


def roles_of(view: object) -> tuple[Role, ...] | None:
    """The roles that a view is for; None when nothing guards it."""
    found: tuple[Role, ...] | None = getattr(view, _ROLES, None)
    return found


def _to_sign_in() -> AnyResponse:
    if not cookie():
        return redirect(url_for("signing.sign_in_page"))
    response = redirect(url_for("signing.sign_in_page", after="end"))
    response.delete_cookie(COOKIE, path=cast("str", current_app.config["SESSION_COOKIE_PATH"]))
    return response


def _is_own_form() -> bool:
    return secrets.compare_digest(request.form.get("form_secret", "").encode(), current().form_secret.encode())


def is_from_elsewhere() -> bool:
    """Whether the browser says that another site sent this form."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
