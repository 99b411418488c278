"""XDM files: what they hold, and every trick that a ZIP file can play."""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import xdm
from app.xdm import Media, MediaLimits
from kernel.errors import Condition, HieError, Rejected, Unreadable
from kernel.identifiers import parse_cx
from tests.support import messages as m
from tests.support.media import SUBSET, an_entry, media_of, metadata, packed, written

PATIENT = m.cx("P-1")
LETTER = b"A letter.\r\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def sets(work: Path, data: bytes, limits: MediaLimits | None = None) -> list[xdm.MediaSet]:
    """Every set of a file."""
    with xdm.opened(written(work.parent, data), work, limits) as media:
        return [media.read(folder) for folder in media.folders()]


def refusal(work: Path, data: bytes, limits: MediaLimits | None = None) -> str:
    """Why a file is not read."""
    with pytest.raises(Unreadable) as refused:
        sets(work, data, limits)
    assert list(work.iterdir()) == []
    return refused.value.detail


def test_a_set_comes_with_its_documents(work: Path) -> None:
    (found,) = sets(work, packed(media_of(PATIENT, LETTER)))

    assert found.folder == SUBSET
    (entry,), (document,) = found.submission.entries, found.documents
    assert (document.entry_id, document.size, document.path.read_bytes()) == (entry.id, len(LETTER), LETTER)
    assert document.path.parent == work


def test_every_set_is_read_in_the_order_of_its_folder(work: Path) -> None:
    files = media_of(PATIENT)
    other = {name.replace("SUBSET01", "SUBSET02"): data for name, data in media_of(PATIENT, b"other").items()}

    found = sets(work, packed(other | files))

    assert [one.folder for one in found] == [SUBSET, "IHE_XDM/SUBSET02"]
    assert [one.documents[0].path.read_bytes() for one in found] == [b"A letter.", b"other"]


def test_a_document_may_lie_in_a_folder_of_its_set(work: Path) -> None:
    files = {f"{SUBSET}/METADATA.XML": metadata(an_entry(PATIENT, LETTER, "DOCS/A.TXT")), f"{SUBSET}/DOCS/A.TXT": LETTER}

    assert sets(work, packed(files))[0].documents[0].size == len(LETTER)


def test_a_long_uri_in_parts_is_put_together(work: Path) -> None:
    entry = an_entry(PATIENT, LETTER, slots={"URI": ("DOC00", "01.TXT")})

    assert len(sets(work, packed(media_of(PATIENT, LETTER) | {f"{SUBSET}/METADATA.XML": metadata(entry)}))) == 1


@pytest.mark.parametrize("uri", ["../../../etc/passwd", "/etc/passwd", "NOTHING.TXT", "../../README.TXT", "", "."])
def test_a_uri_that_names_nothing_of_the_media_is_a_missing_document(work: Path, uri: str) -> None:
    files = media_of(PATIENT, LETTER) | {f"{SUBSET}/METADATA.XML": metadata(an_entry(PATIENT, LETTER, uri))}

    with pytest.raises(Rejected) as refused:
        sets(work, packed(files))

    assert refused.value.condition is Condition.DOCUMENT_MISSING


@pytest.mark.parametrize("changes", [{"hash": "0" * 40}, {"size": "1"}])
def test_a_document_that_is_not_what_the_metadata_say_is_refused(work: Path, changes: dict[str, str]) -> None:
    with pytest.raises(Rejected) as refused:
        sets(work, packed(media_of(PATIENT, LETTER, **changes)))

    assert refused.value.condition is Condition.CONTENT_DIFFERS


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100, b"PK\x05\x06" + bytes(18)])
def test_what_is_no_media_is_refused(work: Path, data: bytes) -> None:
    refusal(work, data)


def test_metadata_of_an_older_kind_are_refused(work: Path) -> None:
    files = media_of(PATIENT) | {
        f"{SUBSET}/METADATA.XML": b'<SubmitObjectsRequest xmlns="urn:oasis:names:tc:ebxml-regrep:rim:xsd:2.1"/>'
    }

    assert "XDS.b" in refusal(work, packed(files))


def test_metadata_with_a_document_type_are_refused(work: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;</x>'

    refusal(work, packed(media_of(PATIENT) | {f"{SUBSET}/METADATA.XML": bomb}))


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../outside",
        "IHE_XDM/../../outside",
        "C:/WINDOWS/x",
        "IHE_XDM\\SUBSET01\\x",
        "a//b",
        "./x",
        "IHE_XDM/x\0y",
    ],
)
def test_a_name_that_leads_elsewhere_spoils_the_whole_file(work: Path, name: str) -> None:
    data = packed(media_of(PATIENT) | {name.replace("\0", "_").replace("\\", "|"): b"x"})
    # the library that writes it cleans such names, so they are put in behind its back
    for given, evil in (("_", "\0"), ("|", "\\")):
        if evil in name:
            cleaned = name.replace("\0", "_").replace("\\", "|").encode()
            data = data.replace(cleaned, cleaned.replace(given.encode() + b"y", evil.encode() + b"y").replace(b"|", b"\\"))

    assert "leads out of the media" in refusal(work, data)


@pytest.mark.parametrize("mode", [0o120777, 0o060644, 0o010644])
def test_links_and_devices_are_refused(work: Path, mode: int) -> None:
    assert "link or a device" in refusal(work, packed(media_of(PATIENT), external_attr=mode << 16))


@pytest.mark.parametrize("other", [f"{SUBSET}/DOC0001.TXT", f"{SUBSET}/doc0001.txt"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_with_one_name_are_refused(work: Path, other: str) -> None:
    file = written(work.parent, packed(media_of(PATIENT)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(other, b"another")

    assert "same name" in refusal(work, file.read_bytes())


def test_an_encrypted_entry_is_refused(work: Path) -> None:
    data = bytearray(packed(media_of(PATIENT)))
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= 1

    assert "encrypted" in refusal(work, bytes(data))


def test_another_way_of_packing_is_refused(work: Path) -> None:
    assert "not read" in refusal(work, packed(media_of(PATIENT), compress_type=zipfile.ZIP_LZMA))


def test_a_bomb_is_refused_before_a_byte_of_it_is_unpacked(work: Path) -> None:
    assert "packed more than" in refusal(work, packed(media_of(PATIENT) | {"IHE_XDM/bomb": bytes(50 << 20)}))


def test_entries_that_share_bytes_are_refused(work: Path) -> None:
    """Many records of the directory that lead to one kernel of packed bytes."""
    data = bytearray(packed({"a": bytes(1000), "b": bytes(1000)}))
    first, second = (at for at in range(len(data)) if data[at : at + 4] == b"PK\x01\x02")
    data[second + 42 : second + 46] = data[first + 42 : first + 46]

    assert "share bytes" in refusal(work, bytes(data))


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (MediaLimits(entries=3), "more than 3 entries"),
        (MediaLimits(document_bytes=5), "more than 5 bytes"),
        (MediaLimits(total_bytes=100), "once unpacked"),
        (MediaLimits(directory_bytes=100), "directory is too large"),
    ],
)
def test_limits_hold_before_anything_is_unpacked(work: Path, limits: MediaLimits, why: str) -> None:
    assert why in refusal(work, packed(media_of(PATIENT)), limits)


def test_a_size_that_is_a_lie_is_noticed(work: Path) -> None:
    data = bytearray(packed(media_of(PATIENT, bytes(5000))))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)

    with pytest.raises(HieError):
        sets(work, bytes(data))


def test_media_inside_media_are_a_document_like_any_other(work: Path) -> None:
    inner = packed(media_of(PATIENT))

    (found,) = sets(work, packed(media_of(PATIENT, inner)))

    assert found.documents[0].path.read_bytes() == inner


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(work: Path, seed: int) -> None:
    whole, chance = packed(media_of(PATIENT, LETTER)), random.Random(seed)
    for _ in range(150):
        data = bytearray(whole)
        for left in work.iterdir():
            left.unlink()
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with xdm_or_refused(work, bytes(data)) as media:
            for folder in media.folders() if media else ():
                media.forget()
                media.read(folder)


@pytest.fixture(autouse=True)
def nothing_outside(tmp_path: Path, work: Path) -> Iterator[None]:
    """Whatever a test does, no file appears but the media and the documents of our naming."""
    yield
    assert {f.name for f in tmp_path.iterdir()} <= {"work", "media.zip"}
    assert all(f.name.startswith("document-") for f in work.iterdir())


class xdm_or_refused:
    """Opens media, and takes a refusal for an answer at any point."""

    def __init__(self, work: Path, data: bytes) -> None:
        self._opened = xdm.opened(written(work.parent, data), work)

    def __enter__(self) -> Media | None:
        try:
            return self._opened.__enter__()
        except HieError:
            return None

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: object) -> bool:
        try:
            self._opened.__exit__(kind, value, trace)  # type: ignore[arg-type]
        except (HieError, RuntimeError):
            return True
        return kind is not None and issubclass(kind, HieError)


def test_another_patient_takes_the_place_of_the_one_on_the_media(work: Path) -> None:
    (found,) = sets(work, packed(media_of(m.cx("THEIRS", "2.999.5.1"))))
    own = parse_cx(PATIENT)
    assert own is not None

    changed = xdm.for_patient(found.submission, own)

    assert {obj.patient_id for obj in changed.objects()} == {PATIENT}
    assert changed.entries[0].source_patient_id == found.submission.entries[0].source_patient_id
