"""SQL of demographics searches: the index rows of a record, candidates for a query, and pages of answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.demographics import Address, Demographics, HumanName
from kernel.demographics_query import AddressCriterion, BirthCriterion, DemographicsQuery, NameCriterion
from kernel.times import Dtm
from mpi.criteria import LEAST_START, contact_of, fold
from mpi.linkage.blocking import family_code
from mpi.linkage.names import family_of, tokens_of
from mpi.store import indexable
from mpi.tables import CONTACT_INDEX, NAME_INDEX, PATIENT_RECORD, PLACE_INDEX, QUERY_PAGE

TELECOM: Final = 1
ACCOUNT: Final = 2
_LENGTH: Final = 120
"""Characters of a text that are indexed; what is longer is found by its beginning."""
_ROWS: Final = 8
"""Names, addresses or contacts of one record that are indexed."""
Row = dict[str, object]
Condition = sa.ColumnElement[bool]


# --- what a record is found by ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndexRows:
    """The rows under which a record is found."""

    names: tuple[Row, ...]
    places: tuple[Row, ...]
    contacts: tuple[Row, ...]


def index_rows(record: int, demographics: Demographics) -> IndexRows:
    """What a record is found by, its former names and addresses too."""
    names = [name for name in demographics.names if not name.is_empty][:_ROWS] or [HumanName()]
    mothers = [demographics.mother_name] if demographics.mother_name is not None else []
    rest = {"record": record, "birth": birth_number(demographics.birth), "sex": demographics.sex}
    every = [(name, False) for name in names] + [(name, True) for name in mothers]
    name_rows = [{**rest, "position": n, "is_mother": is_mother, **_name(name)} for n, (name, is_mother) in enumerate(every)]
    place_rows = [{"record": record, "position": n, **_place(a)} for n, a in enumerate(demographics.addresses[:_ROWS])]
    contacts = [(TELECOM, contact_of(t.value)) for t in demographics.telecoms[:_ROWS]]
    if demographics.account is not None:
        contacts.append((ACCOUNT, demographics.account.id))
    contact_rows = [{"kind": k, "value": v[:_LENGTH], "record": record} for k, v in dict.fromkeys(contacts) if v]
    return IndexRows(tuple(name_rows), tuple(place_rows), tuple(contact_rows))


def birth_number(birth: Dtm | None) -> int:
    """YYYYMMDD, zeros for what is not known."""
    return int(birth.digits[:8].ljust(8, "0")) if birth else 0


def _name(name: HumanName) -> Row:
    return {
        "family": fold(name.family)[:_LENGTH],
        "given": fold(" ".join(name.given))[:_LENGTH],
        "sound": _sound(name.family),
    }


def _sound(family: str) -> str:
    cleaned = family_of(family)[0]
    return family_code(cleaned[0]) if cleaned else ""


def _place(address: Address) -> Row:
    texts = {"street": " ".join(address.lines), "city": address.city, "state": address.state, "country": address.country}
    folded = {name: fold(text)[:_LENGTH] for name, text in texts.items()}
    return {**folded, "postcode": fold(address.postcode).replace(" ", "")[:_LENGTH]}


_PUT_NAMES: Final = NAME_INDEX.insert()
_PUT_PLACES: Final = PLACE_INDEX.insert()
_PUT_CONTACTS: Final = CONTACT_INDEX.insert()


def put_index(connection: Connection, rows: IndexRows) -> None:
    """Adds the rows of a record that has none."""
    for insert, found in ((_PUT_NAMES, rows.names), (_PUT_PLACES, rows.places), (_PUT_CONTACTS, rows.contacts)):
        if found:
            connection.execute(insert, list(found))


def change_index(connection: Connection, record: int, before: IndexRows, after: IndexRows) -> None:
    """Replaces the rows that differ."""
    pairs = ((NAME_INDEX, before.names, after.names), (PLACE_INDEX, before.places, after.places))
    for table, old, new in (*pairs, (CONTACT_INDEX, before.contacts, after.contacts)):
        if old == new:
            continue
        connection.execute(table.delete().where(table.c.record == record))
        if new:
            connection.execute(table.insert(), list(new))


# --- candidates ------------------------------------------------------------------------------------------------------------


def persons_by_contact(connection: Connection, kind: int, values: Iterable[str], limit: int) -> set[int]:
    """Persons with one of these telephone numbers, addresses or accounts."""
    statement = (
        sa.select(PATIENT_RECORD.c.person)
        .join(CONTACT_INDEX, CONTACT_INDEX.c.record == PATIENT_RECORD.c.id)
        .where(CONTACT_INDEX.c.kind == kind, CONTACT_INDEX.c.value.in_([v[:_LENGTH] for v in values]))
        .limit(limit)
    )
    return set(connection.scalars(statement))


def persons_described(connection: Connection, query: DemographicsQuery, limit: int) -> list[int]:
    """Persons with a record that may fit the names, birth, sex, address and mother asked for; at most `limit` rows of them."""
    described = _described(query)
    conditions: list[Condition] = []
    if described:
        lead: sa.Table = NAME_INDEX
        conditions += [~NAME_INDEX.c.is_mother, *described]
        conditions += [_elsewhere(PLACE_INDEX, _any_of(map(_at_place, query.addresses)))] if query.addresses else []
    elif query.addresses:
        lead = PLACE_INDEX
        conditions.append(_any_of(map(_at_place, query.addresses)))
    else:
        lead = NAME_INDEX
        conditions += [NAME_INDEX.c.is_mother, _any_of(map(_named, query.mothers))]
    statement = sa.select(PATIENT_RECORD.c.person).join(lead, lead.c.record == PATIENT_RECORD.c.id)
    return list(connection.scalars(statement.where(*conditions).limit(limit)))


def _described(query: DemographicsQuery) -> list[Condition]:
    found = []
    if query.names:
        found.append(_any_of(map(_named, query.names)))
    if query.birth:
        found.append(_any_of(map(_born, query.birth)))
    if query.sex and (query.names or query.birth):
        found.append(NAME_INDEX.c.sex.in_([c.sex for c in query.sex]))
    return found


def _any_of(conditions: Iterable[Condition]) -> Condition:
    return sa.or_(sa.false(), *conditions)


def _elsewhere(table: sa.Table, condition: Condition) -> Condition:
    """Some record of the same person has a row like that."""
    other = PATIENT_RECORD.alias("other")
    return sa.exists().where(other.c.person == PATIENT_RECORD.c.person, table.c.record == other.c.id, condition)


def _named(criterion: NameCriterion) -> Condition:
    columns = NAME_INDEX.c
    if criterion.fuzzy:
        return _sounds_alike(criterion)
    found: list[Condition] = []
    if criterion.family:
        found.append(_text(columns.family, criterion.family))
    if any(criterion.given):
        found.append(_given_begins(criterion.given))
    return sa.and_(sa.true(), *found)


def _sounds_alike(criterion: NameCriterion) -> Condition:
    """The sound of the family name, or its beginning; without one the first letter of the given name."""
    sound, start = _sound(criterion.family), fold(criterion.family)
    if not sound:
        return _given_begins(criterion.given, 1)
    alike = NAME_INDEX.c.sound == sound
    return alike if len(start) < LEAST_START else sa.or_(alike, _begins(NAME_INDEX.c.family, start))


def _text(column: sa.ColumnElement[str], wanted: str) -> Condition:
    text = fold(wanted)[:_LENGTH]
    return _begins(column, text) if wanted.endswith("*") else column == text


def _begins(column: sa.ColumnElement[str], text: str) -> Condition:
    """A range of the index; texts are in plain ASCII."""
    if not text:
        return column > ""
    return sa.and_(column >= text, column < text[:-1] + chr(ord(text[-1]) + 1))


def _given_begins(given: Sequence[str], letters: int | None = None) -> Condition:
    """These given names come first: as whole words, up to the first that ends in `*`."""
    words: list[str] = []
    for text in given:
        words += tokens_of(text)
        if text.endswith("*") or letters:
            return _begins(NAME_INDEX.c.given, " ".join(words)[: letters or _LENGTH])
    whole = " ".join(words)[:_LENGTH]
    # the words, or the words and a blank and more: "!" comes right after the blank
    return sa.and_(NAME_INDEX.c.given >= whole, NAME_INDEX.c.given < whole + "!")


def _born(criterion: BirthCriterion) -> Condition:
    low, high = criterion.low, criterion.high
    lowest = int(low.digits[:8].ljust(8, "0")) if low else 1
    highest = int(high.digits[:8].ljust(8, "9")) if high else 99_999_999
    if low is not None and high is not None and low != high:
        # a record that knows the year alone may lie within
        lowest = int(low.digits[:4].ljust(8, "0"))
    column = NAME_INDEX.c.birth
    return column == lowest if lowest == highest else column.between(lowest, highest)


def _at_place(criterion: AddressCriterion) -> Condition:
    wanted, columns = criterion.address, PLACE_INDEX.c
    found: list[Condition] = []
    if wanted.postcode:
        found.append(_text(columns.postcode, wanted.postcode.replace(" ", "")))
    pairs = ((columns.city, wanted.city), (columns.state, wanted.state), (columns.country, wanted.country))
    found += [_text(column, text) for column, text in pairs if text]
    return sa.and_(sa.true(), *found)


# --- pages -----------------------------------------------------------------------------------------------------------------

Hits = Sequence[tuple[int, int]]
"""Persons and their confidence, best first."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that goes on: who was found, how far it was given, which authorities were wanted, and the question."""

    pointer: str
    source: str
    tag: str
    expires_at: int
    position: int
    hits: Hits
    wanted: tuple[int, ...]
    question: bytes


def _asked(source: str, tag: str) -> tuple[Condition, Condition]:
    return QUERY_PAGE.c.source == indexable(source), QUERY_PAGE.c.tag == indexable(tag)


def keep_page(connection: Connection, page: Page) -> None:
    """Remembers an answer that goes on, in place of an older one to the same question."""
    connection.execute(QUERY_PAGE.delete().where(*_asked(page.source, page.tag)))
    values = {
        "pointer": page.pointer,
        "source": indexable(page.source),
        "tag": indexable(page.tag),
        "expires_at": page.expires_at,
        "position": page.position,
        "hits": json.dumps(page.hits),
        "wanted": json.dumps(page.wanted),
        "question": page.question,
    }
    connection.execute(QUERY_PAGE.insert().values(values))


def page_at(connection: Connection, *, pointer: str = "", source: str, tag: str, now: int) -> Page | None:
    """An answer that goes on, by its pointer or by the tag of its question; only for the system that asked."""
    statement = sa.select(QUERY_PAGE).where(*_asked(source, tag), QUERY_PAGE.c.expires_at > now)
    if pointer:
        statement = statement.where(QUERY_PAGE.c.pointer == pointer)
    row = connection.execute(statement.limit(1)).mappings().one_or_none()
    if row is None:
        return None
    hits = tuple((person, confidence) for person, confidence in json.loads(row["hits"]))
    return Page(**{**row, "hits": hits, "wanted": tuple(json.loads(row["wanted"])), "question": bytes(row["question"])})


def turn_page(connection: Connection, pointer: str, position: int) -> None:
    """Notes how far the answer was given."""
    connection.execute(QUERY_PAGE.update().where(QUERY_PAGE.c.pointer == pointer).values(position=position))


def drop_page(connection: Connection, source: str, tag: str) -> bool:
    """Ends an answer; False when there was none."""
    gone = connection.execute(QUERY_PAGE.delete().where(*_asked(source, tag)))
    return gone.rowcount > 0


def drop_old_pages(connection: Connection, source: str, *, now: int, keep: int) -> None:
    """Forgets what has expired, and of one system's answers the oldest beyond a number."""
    connection.execute(QUERY_PAGE.delete().where(QUERY_PAGE.c.expires_at <= now))
    mine = sa.select(QUERY_PAGE.c.pointer).where(QUERY_PAGE.c.source == indexable(source))
    surplus = connection.scalars(mine.order_by(QUERY_PAGE.c.expires_at.desc()).offset(keep)).all()
    if surplus:
        connection.execute(QUERY_PAGE.delete().where(QUERY_PAGE.c.pointer.in_(surplus)))
