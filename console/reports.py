"""The auditor's reports: what is asked, the table, and the same as PDF or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from arr.report_csv import csv
from arr.report_pdf import pdf
from arr.reports import Asked, Kind, make_report
from arr.service import AuditService
from console.audit import VALUE_LIMIT, day_of
from console.guard import Page, current, now, page, subject
from console.searches import Searches
from console.store import Role
from kernel.errors import Condition, Rejected, rejected

_FIELDS: Final = ("kind", "patient", "user", "day", "until")


def report_pages(audit: AuditService, searches: Searches, font: Path | None = None) -> Blueprint:
    """The form with the report below it, and its files; PDF is set in `font` where one is given."""
    pages = Blueprint("reports", __name__)

    @pages.get("/audit/reports")
    @page(Role.AUDITOR)
    def form() -> Page:
        fields = _fields(searches)
        problem, made = "", None
        if fields:
            try:
                made = make_report(audit, asked_of(fields), subject(), _present())
            except Rejected as error:
                problem = error.detail
        name = request.args.get("search", "")
        return render_template("reports.html", kinds=Kind, fields=fields, problem=problem, made=made, name=name)

    @pages.post("/audit/reports")
    @page(Role.AUDITOR)
    def keep() -> Page:
        given = {name: request.form.get(name, "").strip()[:VALUE_LIMIT] for name in _FIELDS}
        fields = {name: value for name, value in given.items() if value}
        return redirect(url_for("reports.form", search=searches.keep(current().name, fields)))

    @pages.get("/audit/reports/pdf", defaults={"kind": "pdf"})
    @pages.get("/audit/reports/csv", defaults={"kind": "csv"})
    @page(Role.AUDITOR)
    def file(kind: str) -> Page:
        fields = _fields(searches)
        if not fields:
            abort(404, "There is no such report.")
        made = make_report(audit, asked_of(fields), subject(), _present())
        body = pdf(made, font) if kind == "pdf" else csv(made).encode()
        media = "application/pdf" if kind == "pdf" else "text/csv; charset=utf-8"
        headers = {"Content-Disposition": f'attachment; filename="{made.kind.value}.{kind}"'}
        return Response(body, content_type=media, headers=headers)

    return pages


def asked_of(fields: Mapping[str, str]) -> Asked:
    """What a form asks for. Raises `Rejected` for a day that is none, and for a report that is not of the list."""
    days = {name: day_of(fields.get(name, "")) for name in ("day", "until")}
    for name, found in days.items():
        if fields.get(name) and found is None:
            raise rejected(Condition.PARAMETER_INVALID, name, "write the day as 2026-11-22")
    kind = next((k for k in Kind if k.value == fields.get("kind")), None)
    if kind is None:
        raise rejected(Condition.PARAMETER_INVALID, "kind", "choose a report of the list")
    until = days["until"] + timedelta(days=1) if days["until"] else None
    return Asked(kind, fields.get("patient", ""), fields.get("user", ""), days["day"], until)


def _present() -> datetime:
    return datetime.fromtimestamp(now() / 1000, UTC)


def _fields(searches: Searches) -> dict[str, str]:
    name = request.args.get("search", "")
    fields = searches.fields(name) if name else {}
    if fields is None:
        abort(404, "This report is not kept any more. What was asked is kept for ninety days.")
    return fields
