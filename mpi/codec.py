"""Demographics as compact JSON: what is empty is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm

JsonObject = Mapping[str, object]
_TEXTS: Final = tuple(f.name for f in fields(Demographics) if f.type == "str")
_FLAGS: Final = ("multiple_birth", "birth_order", "deceased")
_MEMBERS: Final = {kind: tuple(f.name for f in fields(kind)) for kind in (Address, Telecom, HumanName)}
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def demographics_to_json(demographics: Demographics) -> str:
    """As JSON, the same text for the same demographics."""
    row: dict[str, object] = {name: found for name in _TEXTS if (found := getattr(demographics, name))}
    row |= {name: value for name in _FLAGS if (value := getattr(demographics, name)) is not None}
    for name in ("birth", "death"):
        time: Dtm | None = getattr(demographics, name)
        if time is not None:
            row[name] = time.text
    lists: dict[str, list[object]] = {
        "names": [_from_name(n) for n in demographics.names],
        "addresses": [_plain(a) for a in demographics.addresses],
        "telecoms": [_plain(t) for t in demographics.telecoms],
        "mother_ids": [_from_id(i) for i in demographics.mother_ids],
    }
    row |= {name: values for name, values in lists.items() if values}
    if demographics.mother_name is not None:
        row["mother_name"] = _from_name(demographics.mother_name)
    if demographics.account is not None:
        row["account"] = _from_id(demographics.account)
    return _ENCODE(row)


def demographics_from_json(text: str) -> Demographics:
    """The inverse of `demographics_to_json`."""
    row: JsonObject = json.loads(text)
    texts = {name: _text(row, name) for name in _TEXTS}
    flags = {name: row[name] for name in _FLAGS if name in row}
    mother, account = row.get("mother_name"), row.get("account")
    return Demographics(
        names=tuple(map(_to_name, _objects(row, "names"))),
        birth=_time(row, "birth"),
        death=_time(row, "death"),
        addresses=tuple(map(_to_address, _objects(row, "addresses"))),
        telecoms=tuple(Telecom(_text(t, "value"), _text(t, "kind"), _text(t, "use")) for t in _objects(row, "telecoms")),
        mother_name=_to_name(mother) if isinstance(mother, dict) else None,
        mother_ids=tuple(map(_to_id, _objects(row, "mother_ids"))),
        account=_to_id(account) if isinstance(account, dict) else None,
        **flags,  # type: ignore[arg-type]  # written above with the types of the fields
        **texts,  # type: ignore[arg-type]
    )


def _plain(value: Address | Telecom | HumanName) -> dict[str, object]:
    return {name: found for name in _MEMBERS[type(value)] if (found := getattr(value, name))}


def _from_name(name: HumanName) -> dict[str, object]:
    return _plain(name)


def _from_id(patient_id: PatientId) -> dict[str, object]:
    authority = patient_id.authority
    row = {
        "id": patient_id.id,
        "namespace": authority.namespace,
        "universal_id": authority.universal_id,
        "universal_id_type": authority.universal_id_type,
        "type_code": patient_id.type_code,
    }
    return {name: value for name, value in row.items() if value}


def _objects(row: JsonObject, name: str) -> list[dict[str, object]]:
    found = row.get(name, [])
    assert isinstance(found, list)
    return found


def _text(row: JsonObject, name: str) -> str:
    value = row.get(name, "")
    return value if isinstance(value, str) else ""


def _texts(row: JsonObject, name: str) -> tuple[str, ...]:
    value = row.get(name, ())
    return tuple(str(v) for v in value) if isinstance(value, list) else ()


def _time(row: JsonObject, name: str) -> Dtm | None:
    text = _text(row, name)
    return Dtm(text) if text else None


def _to_name(row: JsonObject) -> HumanName:
    return HumanName(_text(row, "family"), _texts(row, "given"), _text(row, "prefix"), _text(row, "suffix"), _text(row, "use"))


def _to_address(row: JsonObject) -> Address:
    texts = (_text(row, name) for name in ("city", "state", "postcode", "country", "county", "use"))
    return Address(_texts(row, "lines"), *texts)


def _to_id(row: JsonObject) -> PatientId:
    authority = AssigningAuthority(_text(row, "namespace"), _text(row, "universal_id"), _text(row, "universal_id_type"))
    return PatientId(_text(row, "id"), authority, _text(row, "type_code"))
