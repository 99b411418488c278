"""Compare, decide, take back: the administrator's pages."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for

from console.comparing import comparison
from console.consequences import consequences
from console.guard import LARGEST, Page, current, page, subject, tell
from console.notices import Notice
from console.showing import sentence
from console.store import Role
from console.waterfall import waterfall
from console.wording import ACTS, LINKS, REASONS, STATES, band
from kernel.errors import Condition, Rejected
from mpi.decisions import PEOPLE
from mpi.linkage.weights import Explanation
from mpi.model import ActKind, Review, ReviewState
from mpi.stewardship import Stewardship, Verdict
from mpi.viewing import ReviewView, Viewing

PAGE_SIZE: Final = 20
COMMENT_LIMIT: Final = 1000
_ID: Final = f"int(max={LARGEST})"
_KINDS: Final = {
    "people": PEOPLE,
    "matching": (ActKind.MATCH,),
    "sources": (
        ActKind.SOURCE_MERGE,
        ActKind.SOURCE_LINK,
        ActKind.SOURCE_UNLINK,
        ActKind.SOURCE_RENAME,
        ActKind.SOURCE_MOVE,
    ),
}
_AT_ONCE: Final = "Taken back at once."


def identity_pages(viewing: Viewing, stewardship: Stewardship) -> Blueprint:
    """The queue, one review, what was decided."""
    pages = Blueprint("identities", __name__)
    _add_reviews(pages, viewing, stewardship)
    _add_deciding(pages, viewing, stewardship)
    _add_decisions(pages, viewing, stewardship)
    return pages


def _add_reviews(pages: Blueprint, viewing: Viewing, stewardship: Stewardship) -> None:
    @pages.get("/identities/reviews")
    @page(Role.ADMINISTRATOR)
    def queue() -> Page:
        found = viewing.waiting(subject(), after=_cursor(request.args.get("after", "")), limit=PAGE_SIZE)
        following = f"{found.following[0]!r}_{found.following[1]}" if found.following else ""
        return render_template(
            "queue.html",
            queue=found,
            following=following,
            is_first="after" not in request.args,
            reasons=REASONS,
            band_of=_band_of,
            holder_of=_holder_of,
        )

    @pages.get("/identities/reviews/next")
    @page(Role.ADMINISTRATOR)
    def next_review() -> Page:
        return _to_next(viewing, None)

    @pages.get(f"/identities/reviews/<{_ID}:review_id>")
    @page(Role.ADMINISTRATOR)
    def review(review_id: int) -> Page:
        is_mine = stewardship.lease(review_id, subject())
        view = viewing.review(review_id, subject())
        return _review_page(view, is_mine=is_mine)


def _add_deciding(pages: Blueprint, viewing: Viewing, stewardship: Stewardship) -> None:
    @pages.post(f"/identities/reviews/<{_ID}:review_id>/decide")
    @page(Role.ADMINISTRATOR)
    def decide(review_id: int) -> Page:
        verdict = _verdict(request.form.get("verdict", ""))
        try:
            act = stewardship.resolve_review(review_id, verdict, subject(), _comment())
        except Rejected as problem:
            if problem.condition is Condition.IDENTIFIER_UNKNOWN:
                raise
            tell(Notice("Your answer was not taken.", _reasons(problem), is_problem=True))
            return redirect(url_for("identities.review", review_id=review_id))
        words = STATES[ReviewState(verdict.value)]
        tell(Notice(f"Decided: {words}.", act=act))
        return _to_next(viewing, review_id)

    @pages.post(f"/identities/reviews/<{_ID}:review_id>/skip")
    @page(Role.ADMINISTRATOR)
    def skip(review_id: int) -> Page:
        stewardship.give_back(review_id, subject())
        return _to_next(viewing, review_id)


def _add_decisions(pages: Blueprint, viewing: Viewing, stewardship: Stewardship) -> None:
    @pages.get("/identities/decisions")
    @page(Role.ADMINISTRATOR)
    def decisions() -> Page:
        by = request.args.get("by", "people")
        before = request.args.get("before", "")
        found, following = viewing.decisions(subject(), kinds=_KINDS.get(by, PEOPLE), before=_number(before), limit=PAGE_SIZE)
        return render_template("decisions.html", decisions=found, following=following, by=by, acts=ACTS, states=STATES)

    @pages.get(f"/identities/decisions/<{_ID}:act_id>")
    @page(Role.ADMINISTRATOR)
    def decision(act_id: int) -> Page:
        found = viewing.decision(act_id, subject())
        return render_template("decision.html", found=found, acts=ACTS, states=STATES, limit=COMMENT_LIMIT, obstacles=())

    @pages.post(f"/identities/decisions/<{_ID}:act_id>/take-back")
    @page(Role.ADMINISTRATOR)
    def take_back(act_id: int) -> Page:
        found = viewing.decision(act_id, subject())
        try:
            stewardship.undo(act_id, subject(), _comment() or _AT_ONCE)
        except Rejected as problem:
            obstacles = tuple((_act_named(v.where), sentence(v.detail)) for v in problem.violations)
            page_ = render_template(
                "decision.html", found=found, acts=ACTS, states=STATES, limit=COMMENT_LIMIT, obstacles=obstacles
            )
            return page_, 409
        tell(Notice("Taken back: everything is as it was before the decision."))
        if found.review is not None:
            return redirect(url_for("identities.review", review_id=found.review))
        return redirect(url_for("identities.decision", act_id=act_id))


def _review_page(view: ReviewView, *, is_mine: bool) -> Page:
    is_open = view.review.state is ReviewState.OPEN
    return render_template(
        "review.html",
        view=view,
        review=view.review,
        is_open=is_open,
        is_mine=is_mine,
        table=comparison(view),
        fall=waterfall(view.explanation) if view.explanation else None,
        outcome=consequences(view),
        band=band(view.explanation),
        reason=REASONS[view.review.reason],
        states=STATES,
        links=LINKS,
        limit=COMMENT_LIMIT,
    )


def _to_next(viewing: Viewing, after: int | None) -> Page:
    following = viewing.next_review(subject(), after)
    if following is None:
        return redirect(url_for("identities.queue"))
    return redirect(url_for("identities.review", review_id=following))


def _reasons(problem: Rejected) -> tuple[str, ...]:
    return tuple(sentence(violation.detail) for violation in problem.violations)


def _band_of(review: Review) -> tuple[str, float | None]:
    explanation = Explanation.from_json(review.explanation) if review.explanation else None
    return band(explanation).value, explanation.probability if explanation else None


def _holder_of(review: Review, now: int) -> str:
    """Who has it in hand, in words; empty when nobody has."""
    if not review.leased_by or review.leased_until <= now:
        return ""
    return "you" if review.leased_by == current().name else review.leased_by


def _verdict(text: str) -> Verdict:
    try:
        return Verdict(text)
    except ValueError:
        abort(400, "Say whether they are the same or not.")


def _comment() -> str:
    """What the person wrote, in one line."""
    return " ".join(request.form.get("comment", "").split())[:COMMENT_LIMIT]


def _cursor(text: str) -> tuple[float, int] | None:
    """Where a page of the queue goes on: weight and id of the last one seen."""
    weight, _, last = text.partition("_")
    number = _number(last)
    try:
        return None if number is None else (float(weight), number)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    """A key of ours in an address; None when it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))):
        return None
    return min(int(text), LARGEST)


def _act_named(where: str) -> int | None:
    """The act that stands in the way, where one is named."""
    kind, _, number = where.partition(" ")
    return _number(number) if kind == "act" else None
