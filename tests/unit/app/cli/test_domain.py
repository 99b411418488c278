"""app.cli.domain"""

from __future__ import annotations

import sqlite3

from tests.support import messages as m
from tests.support.stores import Store

CODES = "attribute,code,scheme,display\nclassCode,A,2.999.1,First\nclassCode,B,2.999.1,Second\n"


def test_codes_are_imported_and_counted(store: Store) -> None:
    file = store.data.parent / "codes.csv"
    file.write_text(CODES)

    done = store.hie("codes", "import", str(file), "--json")

    assert (done.code, done.json) == (0, {"codes": 2, "new authorities": 0})


def test_an_import_of_codes_is_on_the_record_as_a_change_of_the_security_configuration(store: Store) -> None:
    file = store.data.parent / "codes.csv"
    file.write_text(CODES)

    store.hie("codes", "import", str(file))
    with store.house():
        pass

    found = store.hie("audit", "search", "--event", "110129", "--json").json
    assert [row["about"] for row in found] == [["urn:affinity:codes"]]


def test_a_file_that_holds_no_codes_changes_nothing(store: Store) -> None:
    file = store.data.parent / "codes.csv"
    file.write_text("attribute,code,scheme\nclassCode,,2.999.1\n")

    done = store.hie("codes", "import", str(file))

    assert done.code == 1
    assert "line 2" in done.err


def test_a_whole_store_is_verified(store: Store) -> None:
    store.feed(m.adt("1"))

    done = store.hie("verify", "--json")

    assert done.code == 0
    assert {row["state"] for row in done.json} == {"ok"}
    assert len(done.json) >= 4


def test_work_that_was_given_up_breaks_an_invariant(store: Store) -> None:
    database = sqlite3.connect(store.data / "affinity.db")
    database.execute("INSERT INTO outbox (topic, key, told_at, due_at, tries, dead) VALUES ('t', '1', 0, 0, 12, 1)")
    database.commit()
    database.close()

    done = store.hie("verify", "--json")

    assert done.code == 1
    assert [row["check"] for row in done.json if row["state"] == "broken"] == ["no work was given up"]
