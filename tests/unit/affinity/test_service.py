"""The affinity domain as a service."""

from __future__ import annotations

import pytest

from affinity import store
from affinity.code_files import read_codes
from affinity.model import DomainCode, Origin, Source
from affinity.service import AffinityService
from affinity.settings import AffinitySettings, AuthoritySettings, SourceSettings
from kernel.database import Database
from kernel.errors import Condition, Rejected
from kernel.identifiers import AssigningAuthority
from tests.conftest import MakeDatabase

XAD = AuthoritySettings(namespace="XAD", oid="2.999.1")
HOSPITAL = AuthoritySettings(namespace="HOSP_A", oid="2.999.1.1", aliases=("HOSPITAL A",))
NEW = AssigningAuthority("NEW", "2.999.8", "ISO")


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_service(database: Database, **settings: object) -> AffinityService:
    service = AffinityService(database, AffinitySettings.model_validate({"authority": XAD, **settings}), monotonic=Seconds())
    service.start()
    return service


def test_authorities_of_the_settings_file_get_a_key_that_stays(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)

    first = a_service(database, authorities=[HOSPITAL]).domain()
    second = a_service(database, authorities=[HOSPITAL]).domain()

    assert first == second
    assert first.own.authority == AssigningAuthority("XAD", "2.999.1", "ISO")
    found = first.find(AssigningAuthority("HOSPITAL A"))
    assert found is not None
    assert found.origin is Origin.SETTINGS


def test_the_settings_file_wins_over_the_database_and_says_so(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    before = a_service(database)
    before.put_authority(AssigningAuthority("HOSP_A", "2.999.66", "ISO"))
    kept = before.put_authority(AssigningAuthority("OLD", "2.999.1.1", "ISO"))
    before.put_source(Source("ADT", "A", (kept.key,), lenient=True))
    source = SourceSettings(application="ADT", facility="A", authorities=("HOSP_A",))

    settings = AffinitySettings(authority=XAD, authorities=(HOSPITAL,), sources=(source,))
    service = AffinityService(database, settings, monotonic=Seconds())
    won = service.start()

    assert len(won) == 3
    assert "HOSP_A&2.999.66&ISO gives up its name" in won[0]
    assert "OLD&2.999.1.1&ISO is HOSP_A&2.999.1.1&ISO" in won[1]
    assert won[2] == "source A|ADT"
    domain = service.domain()
    assert domain.find(AssigningAuthority("HOSP_A")) == domain.by_key(kept.key)
    assert domain.source("ADT", "A") == Source("ADT", "A", (kept.key,), origin=Origin.SETTINGS)
    assert service.start() == ()


def test_what_leaves_the_settings_file_stays_known_but_its_sources_go(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    a_service(database, authorities=[HOSPITAL], sources=[SourceSettings(application="ADT", authorities=("HOSP_A",))])

    domain = a_service(database).domain()

    found = domain.find(AssigningAuthority("HOSP_A"))
    assert found is not None
    assert found.origin is Origin.DATABASE
    assert domain.sources == ()


def test_an_authority_known_by_name_gains_the_oid_of_the_settings_file(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    key = a_service(database).put_authority(AssigningAuthority("HOSP_A")).key

    domain = a_service(database, authorities=[HOSPITAL]).domain()

    found = domain.by_key(key)
    assert found is not None
    assert found.authority == AssigningAuthority("HOSP_A", "2.999.1.1", "ISO")


def test_a_fuller_authority_is_never_overwritten_by_a_poorer_one(make_database: MakeDatabase) -> None:
    service = a_service(make_database(store.METADATA))
    key = service.put_authority(NEW).key

    service.put_authority(AssigningAuthority("NEW"), aliases=["NOUVEAU"])

    found = service.domain().by_key(key)
    assert found is not None
    assert (found.authority, found.aliases) == (NEW, ("NOUVEAU",))


@pytest.mark.parametrize(
    ("authority", "aliases", "condition"),
    [
        (AssigningAuthority("NEW", "2.999.9", "ISO"), (), Condition.IDENTIFIER_DUPLICATE),
        (AssigningAuthority("OTHER"), ("NEW",), Condition.IDENTIFIER_DUPLICATE),
        (AssigningAuthority("XAD"), ("X",), Condition.UPDATE_NOT_PERMITTED),
    ],
)
def test_an_authority_may_not_take_the_name_of_another_or_of_the_settings_file(
    make_database: MakeDatabase, authority: AssigningAuthority, aliases: tuple[str, ...], condition: Condition
) -> None:
    service = a_service(make_database(store.METADATA))
    service.put_authority(NEW)

    with pytest.raises(Rejected) as refused:
        service.put_authority(authority, aliases)

    assert refused.value.condition is condition


def test_an_unknown_authority_in_a_feed_is_taken_in_only_where_the_domain_does_that(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    strict, open_ = a_service(database), a_service(database, accept_new_authorities=True)

    refused = strict.authority_of(NEW)
    accepted = open_.authority_of(NEW)
    again = open_.authority_of(NEW)

    assert refused is None
    assert accepted is not None
    assert (accepted.authority, accepted.origin) == (NEW, Origin.FEED)
    assert again == accepted
    assert open_.find(NEW) == open_.authority(accepted.key) == accepted
    assert strict.find(NEW) == accepted
    with pytest.raises(KeyError):
        open_.authority(99)


def test_an_accepted_authority_gains_what_later_feeds_know_and_loses_nothing(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    service = a_service(database, accept_new_authorities=True)
    said = [AssigningAuthority("", "2.999.8", "ISO"), NEW, AssigningAuthority("NEW"), AssigningAuthority("", "2.999.8", "")]

    found = [service.authority_of(sent) for sent in said]

    assert len({a.key for a in found if a}) == 1
    assert [a.authority for a in found if a] == [said[0], NEW, NEW, NEW]


@pytest.mark.parametrize("sent", [AssigningAuthority(), AssigningAuthority("N" * 256), AssigningAuthority("", "1" * 256, "L")])
def test_nonsense_is_not_taken_in(make_database: MakeDatabase, sent: AssigningAuthority) -> None:
    database = make_database(store.METADATA)
    service = a_service(database, accept_new_authorities=True)

    assert service.authority_of(sent) is None


def test_a_feed_cannot_move_a_name_to_another_authority(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    service = a_service(database, accept_new_authorities=True, authorities=[HOSPITAL])

    thief = service.authority_of(AssigningAuthority("HOSP_A", "2.999.13", "ISO"))

    assert thief is None


def test_another_process_sees_a_change_within_a_second(make_database: MakeDatabase) -> None:
    database = make_database(store.METADATA)
    seconds = Seconds()
    other = AffinityService(database, AffinitySettings(authority=XAD), monotonic=seconds)
    other.start()
    before = other.domain()

    a_service(database).put_authority(NEW)
    at_once = other.domain()
    seconds.now += 1.0

    assert at_once is before
    assert other.domain().find(NEW) is not None


def test_sources_are_kept_and_those_of_the_settings_file_are_changed_there(make_database: MakeDatabase) -> None:
    service = a_service(make_database(store.METADATA), sources=[SourceSettings(application="ADT")])
    key = service.domain().own.key

    service.put_source(Source("LAB", "B", (key,), lenient=True))
    kept = service.domain().source("LAB", "B")
    service.drop_source("LAB", "B")

    assert kept == Source("LAB", "B", (key,), lenient=True)
    assert service.domain().source("LAB", "B") is None
    with pytest.raises(Rejected, match="UPDATE_NOT_PERMITTED"):
        service.put_source(Source("ADT", "", (key,)))
    with pytest.raises(Rejected, match="UPDATE_NOT_PERMITTED"):
        service.drop_source("ADT", "")
    with pytest.raises(Rejected, match="AUTHORITY_UNKNOWN"):
        service.put_source(Source("X", "", (999,)))


def test_an_import_replaces_the_code_sets_it_speaks_of(make_database: MakeDatabase) -> None:
    service = a_service(make_database(store.METADATA))
    service.put_codes([DomainCode("classCode", "GONE", "1.2"), DomainCode("typeCode", "STAYS", "1.2")])
    file = read_codes(
        b'<Codes><CodeType name="classCode"><Code code="A" codingScheme="1.2"/></CodeType>'
        b'<AssigningAuthority id="&amp;2.999.5&amp;ISO"/><AssigningAuthority id="&amp;2.999.1&amp;ISO"/></Codes>'
    )

    imported = service.import_codes(file)

    assert (imported.codes, imported.authorities) == (1, 1)
    assert [c.code for c in service.codes.codes("classCode")] == ["A"]
    assert [c.code for c in service.codes.codes("typeCode")] == ["STAYS"]
    assert service.domain().find(AssigningAuthority("", "2.999.5", "ISO")) is not None
