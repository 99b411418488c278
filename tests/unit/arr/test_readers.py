"""arr.readers"""

from __future__ import annotations

from pathlib import Path

import pytest

from access.nodes import Nodes
from access.settings import NodeSettings
from arr.readers import Readers
from arr.settings import ReaderSettings
from kernel.errors import Condition, Refused
from tests.support.audit import a_subject

TOKEN = "t" * 32
NODES = Nodes(
    [NodeSettings(name="Monitor", subject="CN=monitor", may=("ITI-81",)), NodeSettings(name="EHR", subject="CN=ehr", may=())]
)


@pytest.fixture
def readers(tmp_path: Path) -> Readers:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return Readers(NODES, [ReaderSettings(name="siem", token_file=tmp_path / "token")])


def test_a_token_names_its_reader(readers: Readers) -> None:
    subject = readers.admitted(a_subject(), f"Bearer {TOKEN}", "ITI-81")

    assert (subject.user, [role.code for role in subject.roles]) == ("siem", ["auditor"])


def test_a_node_reads_what_it_is_registered_for(readers: Readers) -> None:
    assert readers.admitted(a_subject(certificate_subject="CN=monitor"), "", "ITI-81").user == "Monitor"


@pytest.mark.parametrize(
    ("certificate", "authorization", "condition"),
    [
        ("", "", Condition.NOT_AUTHENTICATED),
        ("", "Bearer", Condition.NOT_AUTHENTICATED),
        ("", f"Bearer {TOKEN}x", Condition.NOT_AUTHENTICATED),
        ("", f"Basic {TOKEN}", Condition.NOT_AUTHENTICATED),
        ("CN=monitor", "Bearer wrong", Condition.NOT_AUTHENTICATED),
        ("CN=ehr", "", Condition.NOT_ALLOWED),
        ("CN=nobody", "", Condition.NOT_ALLOWED),
    ],
)
def test_nobody_else_reads(readers: Readers, certificate: str, authorization: str, condition: Condition) -> None:
    with pytest.raises(Refused) as raised:
        readers.admitted(a_subject(certificate_subject=certificate), authorization, "ITI-81")

    assert raised.value.condition is condition


def test_a_node_that_may_search_events_may_not_for_that_search_syslog(readers: Readers) -> None:
    with pytest.raises(Refused):
        readers.admitted(a_subject(certificate_subject="CN=monitor"), "", "ITI-82")


def test_a_short_token_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")

    with pytest.raises(ValueError, match="32 characters"):
        Readers(NODES, [ReaderSettings(name="x", token_file=tmp_path / "token")])
