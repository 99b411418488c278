"""XDM files as other products write them, and as nobody should."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.support import messages as m

SUBSET = "IHE_XDM/SUBSET01"


def an_entry(patient: str, content: bytes, uri: str = "DOC0001.TXT", **changes: object) -> m.Entry:
    """An entry of a document on media."""
    named: dict[str, object] = {"hash": hashlib.sha1(content).hexdigest(), "size": str(len(content)), "slots": {"URI": (uri,)}}
    return m.Entry(patient, **(named | changes))  # type: ignore[arg-type]


def metadata(*entries: m.Entry, set_unique_id: str = "") -> bytes:
    """METADATA.XML."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{m.submission(*entries, set_unique_id=set_unique_id)}'.encode()


def packed(files: Mapping[str, bytes], **changes: object) -> bytes:
    """A ZIP file; `changes` are set on the record of every entry before it is written."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in changes.items():
                setattr(info, attribute, value)
            archive.writestr(info, data)
    return target.getvalue()


def media_of(patient: str, content: bytes = b"A letter.", **changes: object) -> dict[str, bytes]:
    """The files of media with one set of one document."""
    return {
        "INDEX.HTM": b"<html/>",
        "README.TXT": b"read me",
        f"{SUBSET}/METADATA.XML": metadata(an_entry(patient, content, **changes)),
        f"{SUBSET}/DOC0001.TXT": content,
    }


def written(folder: Path, data: bytes) -> Path:
    """The file."""
    file = folder / "media.zip"
    file.write_bytes(data)
    return file
