"""ITI-82 Retrieve Syslog Event (ITI TF-2, 3.82): syslog messages by their headers, as they were received."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from access.subject import Subject
from arr.model import AuditRecord, AuditSearch, Channel, Use
from arr.service import AuditService
from arr.transactions.iti81_retrieve_audit_event import COUNT, CURSOR, DATE, count_of, cursor_of, periods_of
from atna.syslog import SyslogMessage, parse
from atna.vocabulary import ITI_82
from fhir_r4.json import Json, Resource, made
from fhir_r4.search import Parameter, parameters, plain, require_known
from kernel.errors import Condition, HieError, rejected

PATH: Final = "syslogsearch"
_FIELDS: Final[Mapping[str, Callable[[SyslogMessage], str]]] = {
    "pri": lambda message: "" if message.priority is None else str(message.priority),
    "hostname": lambda message: message.hostname,
    "app-name": lambda message: message.app_name,
    "procid": lambda message: message.process_id,
    "msg-id": lambda message: message.message_id,
}
_MSG: Final = "msg"
KNOWN: Final = frozenset((*_FIELDS, _MSG, DATE, "_count", "_format", CURSOR))


class RetrieveSyslogEvent:
    """Answers searches; who asks is known by then."""

    def __init__(self, service: AuditService, base: str) -> None:
        """`base` is the address before `/syslogsearch`."""
        self._service = service
        self._address = f"{base}/{PATH}"

    def search(self, query: str, subject: Subject) -> Resource:
        """Messages newest first, each with the fields of its header. Raises `HieError`, which is on the record."""
        try:
            given = parameters(query)
            require_known(given, KNOWN, once=KNOWN - {DATE})
            by_name = {one.name: tuple(map(plain, one.values)) for one in given}
            if DATE not in by_name:
                raise rejected(Condition.PARAMETER_MISSING, DATE, "say which time is asked for, as date=ge2026-11-01")
            time, limit, before = periods_of(given, DATE), count_of(by_name, COUNT), cursor_of(by_name)
        except HieError as error:
            self.refuse(query, subject, error)
            raise
        use = Use(ITI_82.code, lambda _: self._address)
        wanted = AuditSearch(since=time.since, until=time.until)
        page = self._service.scan(wanted, subject, lambda r: _fits(r, by_name), limit=limit, before=before, use=use)
        links: list[Json] = [made(relation="self", url=f"{self._address}?{_kept(given)}")]
        if page.following is not None:
            following = urlencode([(CURSOR, str(page.following))])
            links.append(made(relation="next", url=f"{self._address}?{_kept(given)}&{following}"))
        return made(link=links, entry=[_entry(record) for record in page.records])

    def refuse(self, query: str, subject: Subject, error: HieError) -> None:
        """Puts on the record that a question was not answered."""
        self._service.tell_refused(subject, error, query.encode(), Use(ITI_82.code, lambda _: self._address))


def _fits(record: AuditRecord, asked: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether it came as syslog and its header is what is asked for; `msg` is a part of the message."""
    if record.received.channel in (Channel.LOCAL, Channel.FHIR):
        return False
    message = parse(record.received.data)
    if any(name in asked and read(message) not in asked[name] for name, read in _FIELDS.items()):
        return False
    return _MSG not in asked or any(part.encode() in message.body for part in asked[_MSG])


def _entry(record: AuditRecord) -> Resource:
    message, received = parse(record.received.data), record.received
    return made(
        record=record.sequence,
        pri=message.priority,
        timestamp=message.timestamp,
        hostname=message.hostname,
        structuredData=message.structured_data,
        channel=received.channel.value,
        peer=received.peer,
        flaws=list(received.flaws),
        msg=message.body.decode("utf-8", "replace"),
        **{"app-name": message.app_name, "procid": message.process_id, "msg-id": message.message_id},
    )


def _kept(given: tuple[Parameter, ...]) -> str:
    return urlencode([(one.name, ",".join(one.values)) for one in given if one.name != CURSOR])
