"""Objects of a submission as rows of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from ebrim.model import Association, Author, CodedValue, DocumentEntry, Folder, SubmissionSet
from ebrim.uuids import DOCUMENT_OFFLINE
from ebrim.writer import render
from kernel.times import dtm_of
from registry import fragments
from registry.model import KIND_OF_TYPE, EntryKind, Key, Life, Row, key_of

AUTHOR_SEPARATOR: Final = "\x1f"
REPOSITORY: Final = "repositoryUniqueId"
SOURCE: Final = "sourceId"
ASSOCIATION_TYPE: Final = "associationType"
_LOWEST: Final = "00000101000000"

Term = tuple[str, str]
"""A scheme (a codingScheme, or one of the three words above) and a value in it."""

Numbers = Mapping[Term, int]


def terms_of_entry(entry: DocumentEntry) -> Iterable[Term]:
    """Everything of an entry that the table holds as a number."""
    for codes in (
        entry.class_codes,
        entry.type_codes,
        entry.format_codes,
        entry.facility_codes,
        entry.practice_codes,
        entry.confidentiality_codes,
        entry.event_codes,
    ):
        for value in codes:
            yield term(value)
    for repository in entry.repository_unique_id[:1]:
        yield REPOSITORY, repository


def terms_of_set(submission_set: SubmissionSet) -> Iterable[Term]:
    """Everything of a set that the table holds as a number."""
    yield SOURCE, submission_set.source_id
    for value in submission_set.content_type_codes:
        yield term(value)


def terms_of_folder(folder: Folder) -> Iterable[Term]:
    """Everything of a folder that the table holds as a number."""
    return map(term, folder.codes)


def term(value: CodedValue) -> Term:
    """The scheme and the code."""
    return value.code.scheme, value.code.code


def entry_row(entry: DocumentEntry, numbers: Numbers) -> Row:
    """A new entry, Approved; its id is an entryUUID, its version and logicalID are set where it is not the first.

    `patient` and `copy` are for the unit of work to say, as `patient` and `last_update_time` of sets and folders are.
    """
    key = key_of(entry.id)
    return {
        "creation_time": _first_floor(entry.creation_time),
        "service_start_time": _first_floor(entry.service_start_time),
        "service_stop_time": _first_floor(entry.service_stop_time),
        "patient": 0,
        "size": int(entry.size[0]) if entry.size else None,
        "repository": numbers[REPOSITORY, entry.repository_unique_id[0]] if entry.repository_unique_id else None,
        "class_code": _single(entry.class_codes, numbers),
        "type_code": _single(entry.type_codes, numbers),
        "format_code": _single(entry.format_codes, numbers),
        "facility_code": _single(entry.facility_codes, numbers),
        "practice_code": _single(entry.practice_codes, numbers),
        "version": int(entry.version or 1),
        "copy": 0,
        "status": int(Life.APPROVED),
        "kind": int(KIND_OF_TYPE.get(entry.object_type, EntryKind.STABLE)),
        "offline": int(DOCUMENT_OFFLINE in entry.document_availability),
        "latest": 1,
        "uuid": key,
        "logical": _logical(key, entry.logical_id),
        "unique_id": entry.unique_id,
        "confidentiality_codes": _several(entry.confidentiality_codes, numbers),
        "event_codes": _several(entry.event_codes, numbers) or None,
        "authors": persons(entry.authors),
        "title": entry.title_text or None,
        "hash": bytes.fromhex(entry.hash[0]) if entry.hash else None,
        "dictionary": fragments.NEWEST,
        "xml": fragments.pack(render(entry)),
    }


def set_row(submission_set: SubmissionSet, numbers: Numbers) -> Row:
    """A new submission set."""
    return {
        "submission_time": floor(submission_set.submission_time[0]),
        "patient": 0,
        "content_type_code": _single(submission_set.content_type_codes, numbers),
        "source": numbers[SOURCE, submission_set.source_id],
        "status": int(Life.APPROVED),
        "uuid": key_of(submission_set.id),
        "unique_id": submission_set.unique_id,
        "authors": persons(submission_set.authors),
        "dictionary": fragments.NEWEST,
        "xml": fragments.pack(render(submission_set)),
    }


def folder_row(folder: Folder, numbers: Numbers) -> Row:
    """A new folder."""
    key = key_of(folder.id)
    return {
        "last_update_time": 0,
        "patient": 0,
        "version": int(folder.version or 1),
        "copy": 0,
        "status": int(Life.APPROVED),
        "latest": 1,
        "uuid": key,
        "logical": _logical(key, folder.logical_id),
        "unique_id": folder.unique_id,
        "codes": _several(folder.codes, numbers),
        "dictionary": fragments.NEWEST,
        "xml": fragments.pack(render(folder)),
    }


def association_row(association: Association, numbers: Numbers) -> Row:
    """A new association between two entryUUIDs; its XML is kept only when the columns do not say everything."""
    form = fragments.form_of(association)
    return {
        "type": numbers[ASSOCIATION_TYPE, association.type],
        "status": int(Life.APPROVED),
        "form": form,
        "dictionary": fragments.NEWEST,
        "uuid": key_of(association.id),
        "source": key_of(association.source),
        "target": key_of(association.target),
        "xml": fragments.pack(render(association)) if form == fragments.STORED else None,
    }


def reference_rows(entry: DocumentEntry) -> Iterable[Row]:
    """The referenceIdList, each value once."""
    key = key_of(entry.id)
    return ({"entry": key, "value": value} for value in dict.fromkeys(entry.reference_id_list))


def floor(dtm: str) -> int:
    """The earliest instant a DTM of XDS may mean: 14 digits."""
    return int(dtm + _LOWEST[len(dtm) :])


def instant(milliseconds: int) -> int:
    """14 digits for milliseconds since 1970."""
    return int(dtm_of(datetime.fromtimestamp(milliseconds / 1000, UTC)))


def persons(authors: Iterable[Author]) -> str | None:
    """Every authorPerson, between separators; None without any."""
    found = AUTHOR_SEPARATOR.join(person for author in authors for person in author.person)
    return f"{AUTHOR_SEPARATOR}{found}{AUTHOR_SEPARATOR}" if found else None


def _first_floor(values: tuple[str, ...]) -> int | None:
    return floor(values[0]) if values else None


def _single(codes: tuple[CodedValue, ...], numbers: Numbers) -> int | None:
    return numbers[term(codes[0])] if codes else None


def _several(codes: tuple[CodedValue, ...], numbers: Numbers) -> str:
    """`,12,57,`; nothing for none."""
    return f",{','.join(str(numbers[term(code)]) for code in codes)}," if codes else ""


def _logical(key: Key, logical_id: str) -> Key | None:
    logical = key_of(logical_id) if logical_id else key
    return None if logical == key else logical
