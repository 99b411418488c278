"""app.cli.media"""

from __future__ import annotations

from pathlib import Path

from tests.support import messages as m
from tests.support.command import Done, hie
from tests.support.media import SUBSET, an_entry, media_of, metadata, packed, written
from tests.support.service import Service
from tests.unit.app.cli.test_clients import At


def imported(service: Service, folder: Path, files: dict[str, bytes], *options: str) -> Done:
    file = written(folder, packed(files))
    return hie("import", "xdm", str(file), *options, "--url", service.url, "--json")


def test_documents_on_media_are_registered_and_come_back_byte_for_byte(service: Service, tmp_path: Path) -> None:
    patient = At(service, tmp_path).announced("XDM-1")
    content = b"\r\nfrom media\r\n"
    entry = an_entry(patient, content)
    files = media_of(patient, content) | {f"{SUBSET}/METADATA.XML": metadata(entry)}

    done = imported(service, tmp_path, files)
    got = hie("retrieve", entry.unique_id, "--out", str(tmp_path / "got"), "--url", service.url, "--json")

    assert (done.code, [row["answer"] for row in done.json]) == (0, ["registered"])
    assert got.code == 0, got.err
    assert (tmp_path / "got").read_bytes() == content


def test_documents_of_somebody_elses_patient_are_filed_under_ours(service: Service, tmp_path: Path) -> None:
    patient = At(service, tmp_path).announced("XDM-2")
    theirs = media_of(m.cx("THEIRS", "2.999.5.1"))

    done = imported(service, tmp_path, theirs, "--patient", patient)
    found = hie("find", "--patient", patient, "--url", service.url, "--json")

    assert done.code == 0, done.err
    assert [row["patient_id"] for row in found.json] == [patient]


def test_one_set_that_is_refused_does_not_keep_the_others_out(service: Service, tmp_path: Path) -> None:
    patient = At(service, tmp_path).announced("XDM-3")
    bad = {name.replace("01/", "00/"): data for name, data in media_of(m.cx("NOBODY")).items()}
    worse = {name.replace("01/", "02/"): data for name, data in media_of(patient, hash="0" * 40).items()}

    done = imported(service, tmp_path, bad | media_of(patient) | worse)

    assert done.code == 1
    assert [row["answer"] for row in done.json] == ["refused", "registered", "refused"]
    assert "patient" in done.err
    assert "SHA-1" in done.err


def test_the_same_media_taken_in_again_create_nothing_new(service: Service, tmp_path: Path) -> None:
    patient = At(service, tmp_path).announced("XDM-4")
    files = media_of(patient)

    codes = [imported(service, tmp_path, files).code for _ in range(2)]
    found = hie("find", "--patient", patient, "--url", service.url, "--json")

    assert codes == [0, 0]
    assert len(found.json) == 1


def test_a_file_that_is_no_media_is_refused_with_its_reason(service: Service, tmp_path: Path) -> None:
    done = hie("import", "xdm", str(written(tmp_path, b"no zip")), "--url", service.url)

    assert done.code == 1
    assert "no ZIP file" in done.err
