"""Messages like ones seen before are read without parsing, and as the full reader would."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from arr.intake import prepare
from arr.likeness import summary_of
from arr.skimming import Skimmed, Skimmer
from arr.terms import terms_of
from atna import events
from atna.events import AuditedDocument, AuditedQuery, LinkChange
from atna.message import AuditMessage, Outcome, Participant
from atna.reader import read
from atna.vocabulary import Action
from kernel.codes import Code
from kernel.errors import HieError
from tests.support.arr import received
from tests.support.audit import CONTEXT, PATIENT, WHEN, a_subject, an_event

TREATMENT = Code("TREATMENT", "2.16.840.1.113883.3.18.7.1", "Treatment")
NASTY = "\"'<>&;#012 \t\n\x00\x01\x7f\x85\xa0\u2028\ufffe\ud7ffäß=/!-[]CDATA?Zz9:@^"
PIECES = [b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&amp;", b"&#9;", b"&x;", b'"', b"'", b"<?x?>", b"\xff", b"=", b"<a/>", b"\n"]
MUTATIONS = 400
"""Of each message, in every run."""


def a_query(patient: str = PATIENT, content: bytes = b"<AdhocQueryRequest/>", user: str = "dr") -> AuditMessage:
    subject = a_subject(user=user, purposes=(TREATMENT,), roles=(Code("physician", "x"),), certificate_subject="CN=a b,O=Hospital")
    query = AuditedQuery(content, "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", "urn:oid:1.2.3")
    return events.stored_query(CONTEXT, subject, when=WHEN, outcome=Outcome.SUCCESS, query=query, patient_ids=[patient])


def every_message() -> list[bytes]:
    """Messages of many makes."""
    subject = a_subject(user="Dr. Who<who@example.org>")
    failed = Outcome.SERIOUS.because("PATIENT_UNKNOWN: who is that")
    documents = [AuditedDocument("2.999.1", "2.999.2", "urn:oid:1.2", PATIENT), AuditedDocument("2.999.3", "2.999.2")]
    made = [
        a_query(),
        an_event(),
        an_event(outcome=failed),
        events.identity_feed(
            CONTEXT, subject, when=WHEN, outcome=Outcome.SUCCESS, action=Action.CREATE, patient_ids=[PATIENT, "8^^^&1.2&ISO"]
        ),
        *events.retrieve_document_set(CONTEXT, subject, when=WHEN, outcome=failed, documents=documents),
        events.link_change(CONTEXT, subject, when=WHEN, outcome=Outcome.SUCCESS, change=LinkChange("a", "b", "c", "d")),
    ]
    plain = [one.to_xml() for one in made]
    pretty = plain[0].replace(b"><", b">\n  <")
    namespaced = plain[1].replace(b"<AuditMessage>", b'<AuditMessage xmlns:xsi="urn:x" xsi:noNamespaceSchemaLocation="a.rnc">')
    return [*plain, pretty, namespaced, b'<?xml version="1.0" encoding="UTF-8"?>\n' + plain[3]]


def in_full(xml: bytes) -> tuple[object, frozenset[int]] | None:
    """What the full reader finds in a message without defects."""
    try:
        message = read(xml)
    except HieError:
        return None
    return None if message.defects else (summary_of(message), frozenset(terms_of(message)))


def as_found(skimmed: Skimmed | None) -> tuple[object, frozenset[int]] | None:
    if skimmed is None:
        return None
    assert len(set(skimmed[1])) == len(skimmed[1])
    return skimmed[0], frozenset(skimmed[1])


def a_skimmer(*seen: bytes) -> Skimmer:
    """One that knows these messages."""
    skimmer = Skimmer()
    for xml in seen * 2:
        skimmer.skim(xml)
    return skimmer


@pytest.mark.parametrize("number", range(9))
def test_a_message_is_skimmed_from_the_second_of_its_make_on(number: int) -> None:
    xml = every_message()[number]
    skimmer = Skimmer()

    first, second, third = (skimmer.skim(xml) for _ in range(3))

    assert first is None
    assert as_found(second) == as_found(third) == in_full(xml)


@pytest.mark.parametrize(
    "other",
    [
        a_query(patient="O'Neill & Söhne <x>^^^&1.2&ISO", user="Ärztin<a@b>"),
        a_query(content=b"x" * 5_000),
        a_query(content=b""),
        replace(a_query(), when=WHEN.replace(year=1999)),
        replace(a_query(), source=replace(a_query().source, id="another", site="")),
    ],
)
def test_other_values_are_those_of_the_message_itself(other: AuditMessage) -> None:
    skimmer = a_skimmer(a_query().to_xml(), replace(a_query(), source=replace(a_query().source, site="")).to_xml())

    assert as_found(skimmer.skim(other.to_xml())) == in_full(other.to_xml()) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'EventDateTime="2026-11-22T10:20:01.125Z"', b'EventDateTime="2026-11-22T10:20:01"'),
        (b'EventDateTime="2026-11-22T10:20:01.125Z"', b'EventDateTime="yesterday"'),
        (b'EventDateTime="2026-11-22T10:20:01.125Z"', b'EventDateTime="1969-11-22T10:20:01Z"'),
        (b'AuditSourceID="mpi-1"', b'AuditSourceID=""'),
        (b'value="VVRGLTg="', b'value="V"'),
        (b"<ParticipantObjectQuery>", b"<ParticipantObjectQuery>!"),
        (b'UserID="dr"', b'UserID="d&#114;"'),
        (b'UserID="dr"', b'UserID="d\x01r"'),
        (b'UserID="dr"', b'UserID="d\xffr"'),
        (b'UserID="dr"', 'UserID="\uffff"'.encode()),
        (b'UserID="dr"', b'UserID="a<b"'),
        (b'UserID="dr"', b'UserID="a&b"'),
        (b'UserID="dr"', b'UserID="a" UserID="b"'),
        (b'UserID="dr"', b"UserID='\"dr\"'"),
        (b"</AuditMessage>", b"</AuditMessage><"),
    ],
)
def test_what_is_not_plain_is_left_to_the_full_reader(old: bytes, new: bytes) -> None:
    xml = a_query().to_xml()
    odd = xml.replace(old, new, 1)
    skimmer = a_skimmer(xml, odd)

    assert odd != xml
    assert skimmer.skim(xml) is not None
    assert skimmer.skim(odd) is None


def test_a_message_of_more_words_than_are_kept_is_left_to_the_full_reader() -> None:
    wordy = replace(
        a_query(), participants=tuple(Participant("u", True, user_name=" ".join(f"w{m}x{n}" for n in range(40))) for m in range(3))
    )
    brief = replace(wordy, participants=tuple(replace(who, user_name="few words") for who in wordy.participants))
    skimmer = a_skimmer(brief.to_xml())

    assert as_found(skimmer.skim(brief.to_xml())) == in_full(brief.to_xml())
    assert skimmer.skim(wordy.to_xml()) is None


def test_whatever_is_done_to_a_message_it_is_read_as_in_full_or_not_skimmed() -> None:
    chance = random.Random(5)
    messages = every_message()
    skimmer = a_skimmer(*messages)

    skimmed = 0
    for xml in messages:
        for _ in range(MUTATIONS):
            changed = _changed(chance, xml)
            found = [as_found(skimmer.skim(changed)) for _ in range(3)]
            expected = in_full(changed)
            assert all(one in (None, expected) for one in found), changed
            skimmed += found[0] is not None

    assert skimmed > MUTATIONS * len(messages) // 10


def _changed(chance: random.Random, xml: bytes) -> bytes:
    """One to three changes: other values, in good XML or not, and pieces of markup anywhere."""
    for _ in range(chance.randint(1, 3)):
        parts = xml.split(b'"')
        if chance.random() < 0.6 and len(parts) > 2:
            place = chance.randrange(len(parts) // 2) * 2 + 1
            text = "".join(chance.choices(NASTY if chance.random() < 0.5 else "abcXYZ 109", k=chance.randint(0, 6))).encode()
            parts[place] = chance.choice([text, chance.choice(parts[1::2]), text + chance.choice(PIECES)])
            xml = b'"'.join(parts)
        else:
            begin = chance.randrange(len(xml))
            end = min(len(xml), begin + chance.choice([0, 0, 1, 5]))
            xml = xml[:begin] + chance.choice(PIECES) + xml[end:]
    return xml


def test_what_is_remembered_is_bounded() -> None:
    skimmer = Skimmer()
    xml = an_event().to_xml()

    for number in range(5_000):
        other = xml.replace(b"<ActiveParticipant", b"<!-- %d --><ActiveParticipant" % number, 1)
        skimmer.skim(other)
        skimmer.skim(other)

    assert len(skimmer._frames) <= 2_000
    assert len(skimmer._seen_once) <= 2_000
    assert as_found(skimmer.skim(other)) == in_full(other)


def test_a_long_message_is_not_remembered() -> None:
    skimmer = Skimmer()
    xml = an_event().to_xml().replace(b"<ActiveParticipant", b" " * 9_000 + b"<ActiveParticipant", 1)

    found = [skimmer.skim(xml) for _ in range(3)]

    assert found == [None] * 3
    assert not skimmer._seen_once


def test_a_prepared_message_is_the_same_skimmed_or_in_full() -> None:
    message = received(a_query().to_xml())
    prepare(message)

    skimmed, full = prepare(message), prepare(message, in_full=True)

    assert replace(skimmed, terms=()) == replace(full, terms=())
    assert set(skimmed.terms) == set(full.terms)
