"""registry.sources"""

from __future__ import annotations

import pytest

from ebrim.model import Submission
from kernel.peer import Peer
from registry.sources import KnownSource
from tests.support.metadata import a_submission

PEER = Peer("10.0.0.7", "x", "CN=ehr.north,O=Hospital")


@pytest.mark.parametrize(
    ("source", "is_meant"),
    [
        (KnownSource(), True),
        (KnownSource(subject="cn=EHR.north, o=hospital"), True),
        (KnownSource(subject="CN=ehr.north"), False),
        (KnownSource(address="10.0.0.7"), True),
        (KnownSource(address="10.0.0.7", subject="CN=other"), False),
        (KnownSource(source_id="2.999.9.1"), True),
        (KnownSource(source_id="2.999.9"), False),
        (KnownSource(address="10.0.0.8", source_id="2.999.9.1"), False),
    ],
)
def test_everything_that_is_said_of_a_source_has_to_fit(source: KnownSource, is_meant: bool) -> None:
    assert source.is_source(PEER, a_submission()) is is_meant


def test_a_submission_without_a_set_is_of_no_source_with_an_oid() -> None:
    assert not KnownSource(source_id="2.999.9.1").is_source(PEER, Submission())
    assert KnownSource(address="10.0.0.7").is_source(PEER, Submission())
