"""What an operator may set for the affinity domain."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from affinity.settings import AffinitySettings, AuthoritySettings, SourceSettings


def test_the_defaults_are_the_embedded_affinity_domain() -> None:
    settings = AffinitySettings()

    assert (settings.authority.namespace, settings.authority.oid) == ("XAD", "1.3.6.1.4.1.21367.2005.13.20.1000")
    assert settings.repository_unique_id == "1.3.6.1.4.1.21367.2011.2.3.7"
    assert settings.home_community_id == "urn:oid:1.3.6.1.4.1.21367.2011.2.7"
    assert settings.accept_new_authorities is False


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"authority": {"namespace": "XAD"}}, "needs an OID"),
        ({"authorities": [{"aliases": ["A"]}]}, "a namespace or an OID"),
        ({"authorities": [{"namespace": "A", "oid": "1.02"}]}, "not an OID"),
        ({"authorities": [{"namespace": "A"}, {"namespace": "B", "aliases": ["A"]}]}, "more than one authority is called A"),
        ({"sources": [{"application": "ADT", "authorities": ["NOWHERE"]}]}, "not listed: NOWHERE"),
        ({"repository_unique_id": "here"}, "repository_unique_id is not an OID"),
        ({"home_community_id": "urn:oid:x"}, "home_community_id is not an OID"),
        ({"unknown_name": 1}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_stops_the_start(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AffinitySettings.model_validate(wrong)


def test_a_source_may_name_its_authorities_by_namespace_oid_or_alias() -> None:
    authority = AuthoritySettings(namespace="HOSP_A", oid="2.999.1.1", aliases=("HOSPITAL A",))

    names = ("HOSP_A", "2.999.1.1", "HOSPITAL A")
    settings = AffinitySettings(authorities=(authority,), sources=(SourceSettings(application="ADT", authorities=names),))

    assert settings.sources[0].authorities == names


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"application": "P", "authorities": ["NOWHERE"]}, "not listed: NOWHERE"),
        ({"application": "P", "notify": "ftp://there"}, "no address of a notification"),
        ({"application": "P", "notify": "mllp://there"}, "mllp://HOST:PORT"),
        ({"application": "P", "notify": "mllp://there:1/path"}, "mllp://HOST:PORT"),
        ({"application": "P", "notify": "https://there/pix"}, "the OID of its device"),
    ],
)
def test_a_consumer_that_cannot_be_is_not_taken(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AffinitySettings.model_validate({"consumers": [wrong]})


def test_two_consumers_of_one_name_are_not_taken() -> None:
    with pytest.raises(ValidationError, match="the same application"):
        AffinitySettings.model_validate({"consumers": [{"application": "P"}, {"application": "P", "authorities": ["XAD"]}]})
