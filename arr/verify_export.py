"""Verifies an export of the audit log, alone: copy this file, run `python verify_export.py EXPORT --key audit-key.pem.pub`.

Needs Python and nothing of the rest of the product; the package `cryptography` where the signature is to be checked. Exit code 0:
every record is one that the signed head vouches for; 1: something is wrong; 2: the files cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path


def root_by_path(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """The Merkle root that a path leads to (RFC 9162, 2.1.3.2); None when it fits no such place."""
    at, last, root = index, size - 1, leaf
    for other in path:
        if not 0 <= at <= last or last == 0:
            return None
        if at & 1 or at == last:
            root = sha256(b"\1" + other + root).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = sha256(b"\1" + root + other).digest()
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def signature_faults(what: str, text: str, signature: str, key: Path | None) -> list[str]:
    """What is wrong with the signature of a text."""
    if key is None:
        return [f"the signature of the {what} was not checked: give the public key with --key"]
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key(key.read_bytes())
    try:
        if not isinstance(public, Ed25519PublicKey):
            raise InvalidSignature
        public.verify(bytes.fromhex(signature), text.encode())
    except InvalidSignature:
        return [f"the {what} is not signed with this key"]
    return []


def head_faults(line: str, key: Path | None) -> tuple[int, bytes, list[str]]:
    """Size and root that the head speaks of, and what is wrong with its signature."""
    head = json.loads(line)
    _, size, root, _, _, _ = head["note"].split("\n")
    return int(size), base64.b64decode(root), signature_faults("head", head["note"], head["signature"], key)


def seal_faults(seal: dict[str, str], numbers: list[int], key: Path | None) -> list[str]:
    """What is wrong with the seal of a segment: its signature, or that the records are not all of those it speaks of."""
    first, _, last = seal["seal"].split("\n")[2].partition("-")
    is_all = numbers == list(range(int(first), int(last) + 1))
    faults = [] if is_all else [f"these are not the records {first} to {last} that were sealed, each once and in order"]
    return faults + signature_faults("seal", seal["seal"], seal["signature"], key)


def record_faults(lines: Iterable[str], size: int, root: bytes, key: Path | None) -> Iterator[str | None]:
    """For every record what is wrong with it, or None; then what is wrong with a seal."""
    numbers: list[int] = []
    for line in lines:
        record = json.loads(line)
        if "seal" in record:
            yield from seal_faults(record, numbers, key)
            continue
        numbers.append(record["sequence"])
        leaf = sha256(b"\0" + record["origin"].encode() + b"\n" + base64.b64decode(record["data"], validate=True)).digest()
        path = [bytes.fromhex(node) for node in record["path"]]
        if root_by_path(leaf, record["sequence"] - 1, size, path) == root:
            yield None
        else:
            yield f"record {record['sequence']}: not the one the head vouches for"


def main(arguments: list[str]) -> int:
    """Says what is wrong, and how many records were looked at."""
    parser = argparse.ArgumentParser(description="Verifies an export of the audit log.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--key", type=Path, help="file with the public key of the log's signer (PEM)")
    options = parser.parse_args(arguments)
    try:
        opened = gzip.open if options.export.suffix == ".gz" else open
        with opened(options.export, "rt", encoding="utf-8") as file:
            size, root, faults = head_faults(next(file), options.key)
            count = 0
            for fault in record_faults(file, size, root, options.key):
                count += 1
                if fault is not None:
                    faults.append(fault)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as problem:
        sys.stderr.write(f"cannot be read as an export of an audit log: {type(problem).__name__}\n")
        return 2
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"{count} records of a log of {size}, {len(faults)} faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
