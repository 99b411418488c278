"""What is written in ebRIM is read back as it was, whatever the texts."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from ebrim.model import (
    Association,
    Author,
    CodedValue,
    DocumentEntry,
    Folder,
    Identifier,
    LocalText,
    RegistryLeaf,
    Slot,
    Submission,
    SubmissionSet,
)
from ebrim.namespaces import RIM
from ebrim.query import QuerySlot, adhoc_query_request, parse_slot, quoted, quoted_list, read_query
from ebrim.reader import read_objects, read_submission
from ebrim.retrieve import DocumentRequest, read_document_requests, retrieve_request
from ebrim.writer import finish, render, submit_objects_request
from kernel.codes import Code
from kernel.xml import parse_xml

# what XML can carry; a lone carriage return is kept apart by the writer, so it is not excluded
texts = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[*map(chr, range(9)), *map(chr, range(11, 13)), *map(chr, range(14, 32)), "￾", "￿"],
    ),
    max_size=12,
)
words = st.text(st.sampled_from("abcXYZ019.-^&<>\"'|"), min_size=1, max_size=10)
many = st.lists(texts, max_size=3).map(tuple)
local_texts = st.lists(st.builds(LocalText, texts, words, words), max_size=2).map(tuple)
identifiers = st.lists(st.builds(Identifier, texts, words, words), max_size=2).map(tuple)
extra_slots = st.lists(st.builds(Slot, words.map("urn:x:{}".format), many), max_size=2, unique_by=lambda s: s.name).map(tuple)
uuids = st.uuids(version=4).map("urn:uuid:{}".format)


@st.composite
def codes(draw: st.DrawFn) -> CodedValue:
    """A code as a reader gives it: scheme and display are the first of what was sent."""
    schemes = draw(many)
    names = draw(local_texts)
    return CodedValue(
        Code(draw(texts), schemes[0] if schemes else "", names[0].text if names else ""),
        draw(words),
        schemes,
        draw(words),
        names,
        draw(extra_slots),
    )


code_lists = st.lists(codes(), max_size=2).map(tuple)
authors = st.lists(st.builds(Author, many, many, many, many, many, words, texts, words, extra_slots), max_size=2).map(tuple)
common = {
    "id": words,
    "logical_id": words,
    "version": words,
    "home": words,
    "status": words,
    "title": local_texts,
    "comments": local_texts,
    "patient_ids": identifiers,
    "unique_ids": identifiers,
    "slots": extra_slots,
    "limited_metadata": st.booleans(),
}
entries = st.builds(
    DocumentEntry,
    **common,
    authors=authors,
    object_type=words,
    mime_type=texts,
    class_codes=code_lists,
    type_codes=code_lists,
    event_codes=code_lists,
    creation_time=many,
    hash=many,
    size=many,
    language_code=many,
    legal_authenticator=many,
    repository_unique_id=many,
    source_patient_id=many,
    source_patient_info=many,
    reference_id_list=many,
    document_availability=many,
    uri=many,
)
sets = st.builds(
    SubmissionSet,
    **common,
    authors=authors,
    content_type_codes=code_lists,
    source_ids=identifiers,
    submission_time=many,
    intended_recipients=many,
)
folders = st.builds(Folder, **common, codes=code_lists, last_update_time=many)
associations = st.builds(
    Association,
    id=words,
    type=words,
    source=words,
    target=words,
    slots=extra_slots,
    documentation=code_lists,
    title=local_texts,
    version=words,
)


def plain(obj: RegistryLeaf) -> RegistryLeaf:
    """Without the ids of parts that are only listed, for those of node classifications are made up."""
    return dataclasses.replace(obj, sub_ids=())


@given(
    st.lists(entries, max_size=2),
    st.lists(sets, max_size=1),
    st.lists(folders, max_size=1),
    st.lists(associations, max_size=1),
    extra_slots,
)
def test_a_submission_is_read_back_as_it_was_written(
    some: list[DocumentEntry], one: list[SubmissionSet], held: list[Folder], joined: list[Association], slots: tuple[Slot, ...]
) -> None:
    sent = Submission(
        entries=tuple(some), submission_sets=tuple(one), folders=tuple(held), associations=tuple(joined), request_slots=slots
    )

    received = read_submission(parse_xml(submit_objects_request(sent)))

    assert tuple(map(plain, received.entries)) == sent.entries
    assert tuple(map(plain, received.submission_sets)) == sent.submission_sets
    assert tuple(map(plain, received.folders)) == sent.folders
    assert tuple(map(plain, received.associations)) == sent.associations
    assert received.request_slots == sent.request_slots
    assert received.faults == ()


@given(entries, uuids, words, texts.filter(bool))
def test_a_stored_entry_differs_from_the_sent_one_in_what_the_registry_decides_alone(
    entry: DocumentEntry, entry_uuid: str, status: str, patient: str
) -> None:
    entry = dataclasses.replace(entry, id=entry_uuid, patient_ids=(Identifier("old"),))
    status = status.translate({ord(c): None for c in "<>&\"'"}) or "s"

    stored = finish(render(entry), status, patient)
    (shown,) = read_objects(parse_xml(f'<l xmlns="{RIM}">'.encode() + stored + b"</l>")).entries

    assert (shown.id, shown.status, shown.patient_id, shown.home) == (entry_uuid, status, patient, "")
    assert all(i.registry_object == entry_uuid for i in shown.unique_ids)
    assert (shown.title, shown.slots, shown.uri, shown.hash) == (entry.title, entry.slots, entry.uri, entry.hash)
    assert [c.code for c in shown.class_codes] == [c.code for c in entry.class_codes]
    assert [a.person for a in shown.authors] == [a.person for a in entry.authors]
    assert len(set(shown.sub_ids)) == len(shown.sub_ids)


@given(st.lists(st.tuples(words, st.lists(texts, min_size=1, max_size=4)), max_size=4))
def test_query_parameters_are_read_back_as_they_were_quoted(parameters: list[tuple[str, list[str]]]) -> None:
    slots = [QuerySlot(name, (quoted_list(values), quoted(values[0]))) for name, values in parameters]

    query = read_query(parse_xml(adhoc_query_request("urn:uuid:x", slots)))

    parsed = [parse_slot(slot) for slot in query.slots]
    assert [(p.name, list(p.texts)) for p, _ in parsed] == [(name, [*values, values[0]]) for name, values in parameters]
    assert [violations for _, violations in parsed if violations] == []


@given(st.lists(st.text(st.sampled_from("'(), a1.-"), max_size=30), max_size=3))
def test_no_value_of_a_parameter_makes_the_parser_raise(raw: list[str]) -> None:
    parsed, violations = parse_slot(QuerySlot("$x", tuple(raw)))

    assert len(violations) <= len(raw)
    assert bool(parsed.values) or bool(violations) or not raw


@given(st.lists(st.builds(DocumentRequest, words, words, words), min_size=1, max_size=3))
def test_document_requests_are_read_back(requests: list[DocumentRequest]) -> None:
    assert read_document_requests(parse_xml(retrieve_request(requests))) == tuple(requests)
