"""Signing in by a one-time link, and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from access.subject import Subject
from atna.message import Outcome
from atna.participants import AuditContext
from atna.system_events import logged_in, logged_out
from console.guard import Page, cookie, current, page, peer, subject, subject_of
from console.navigation import entries
from console.sessions import COOKIE, Sessions
from console.store import Role
from kernel.peer import Peer
from kernel.times import Clock

_AFTER: Final = {
    "sign-out": "You are signed out.",
    "end": "Your session has ended because it was not used for a while, or was long enough. Nothing was changed since.",
}


@dataclass(frozen=True, slots=True)
class Logins:
    """How logins and logouts become audit records."""

    context: AuditContext
    clock: Clock
    leaving: Callable[[Subject], None] = lambda _: None
    """Called with whoever signs out."""

    def began(self, name: str, role: Role) -> bytes:
        """Somebody signed in."""
        return logged_in(self.context, subject_of(name, role), when=self.clock(), outcome=Outcome.SUCCESS).to_xml()

    def refused(self) -> bytes:
        """Somebody tried a link that is not good."""
        outcome = Outcome.SERIOUS.because("The one-time link has been used, has expired, or never was.")
        nobody = Subject(peer(), source="", receiver=peer().endpoint)
        return logged_in(self.context, nobody, when=self.clock(), outcome=outcome).to_xml()

    def ended(self) -> bytes:
        """The person of this request signed out."""
        return logged_out(self.context, subject(), when=self.clock()).to_xml()

    def timed_out(self, name: str, role: Role) -> bytes:
        """A session ended by itself; where its user is now is not known."""
        gone = replace(subject_of(name, role), peer=Peer("", peer().endpoint))
        return logged_out(self.context, gone, when=self.clock(), by_inactivity=True).to_xml()


def signing_pages(sessions: Sessions, logins: Logins, base: str) -> Blueprint:
    """The way in and out; the only pages for people who are not signed in."""
    pages = Blueprint("signing", __name__)

    @pages.get("")
    @pages.get("/")
    def home() -> Page:
        if g.session is None:
            return redirect(url_for("signing.sign_in_page"))
        return redirect(url_for(entries(current().role)[0].endpoint))

    @pages.get("/sign-in")
    def sign_in_page() -> Page:
        # the link is used up by the button and not by being fetched: programs fetch links before people do
        link = request.args.get("link", "")
        told = _AFTER.get(request.args.get("after", ""), "")
        return render_template("sign_in.html", link=link, is_good=bool(link) and sessions.is_link_good(link), told=told)

    @pages.post("/sign-in")
    def sign_in() -> Page:
        link = request.form.get("link", "")
        secret = sessions.sign_in(link, begun=logins.began, timed_out=logins.timed_out, instead_of=cookie())
        if secret is None:
            sessions.refuse(logins.refused())
            return Response(render_template("sign_in.html", link=link or "-", is_good=False, told=""), 403)
        response = redirect(url_for("signing.home"))
        is_secure = peer().endpoint.startswith("https:")
        response.set_cookie(COOKIE, secret, path=base, httponly=True, samesite="Strict", secure=is_secure)
        return response

    @pages.post("/sign-out")
    @page()
    def sign_out() -> Page:
        logins.leaving(subject())
        sessions.sign_out(cookie(), logins.ended())
        response = redirect(url_for("signing.sign_in_page", after="sign-out"))
        response.delete_cookie(COOKIE, path=base)
        return response

    return pages
