"""The peers of the bench: Splink 5 (a comparison per field, or place grouped) and plain Fellegi-Sunter, on the same columns.

`peers.py METHOD FILE OUT`; METHOD is `splink`, `splink-grouped` or `fs`. Runs in an environment of its own. All write connected
components at match probability 0.95, as these methods are commonly used, and the best F1 of pairs over all thresholds.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.linkage.judge import truth_of
from bench.linkage.ours import read
from mpi.linkage.batch import level_table, patterns_of_pairs
from mpi.linkage.blocking import family_code, given_code, given_start
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.clusters import components
from mpi.linkage.columns import Column, Columns
from mpi.linkage.levels import FIELDS

_PROBABLE = 0.95
_RULES = ("telephone", "birth_family", "birth_given", "birth_postcode", "family_given_year", "family_given_postcode")
"""The blocking rules of all peers, besides that of identifiers."""


def _texts(column: Column, code: Any = None) -> list[str | None]:
    values = [(code(value) if code else value) or None if value else None for value in column.values]
    return [values[place] for place in column.codes.tolist()]


def table(columns: Columns) -> Any:
    """The cleaned columns as a data frame."""
    import pandas

    birth = _texts(columns.birth)
    return pandas.DataFrame(
        {
            "unique_id": range(columns.size),
            "given": _texts(columns.given),
            "family": _texts(columns.families, lambda text: text.partition("|")[0]),
            "birth": birth,
            "year": [text[:4] if text else None for text in birth],
            "sex": _texts(columns.sex),
            "street": _texts(columns.street),
            "postcode": _texts(columns.postcode),
            "phone": _texts(columns.phone),
            "national": _texts(columns.identifiers["national"]),
            "family_code": _texts(columns.families, lambda text: family_code(text.partition("|")[0])),
            "given_code": _texts(columns.given, given_code),
            "given_start": _texts(columns.given, given_start),
        }
    )


def _comparisons(grouped: bool) -> list[Any]:
    from splink import comparison_level_library as levels
    from splink import comparison_library as library

    found = [
        library.JaroWinklerAtThresholds("given", [0.92, 0.82]).configure(term_frequency_adjustments=True),
        library.JaroWinklerAtThresholds("family", [0.92, 0.82]).configure(term_frequency_adjustments=True),
        library.DamerauLevenshteinAtThresholds("birth", [1, 2]),
        library.ExactMatch("sex"),
        library.DamerauLevenshteinAtThresholds("national", [1]),
    ]
    if not grouped:
        return [
            *found,
            library.JaroWinklerAtThresholds("street", [0.92]),
            library.ExactMatch("postcode"),
            library.ExactMatch("phone"),
        ]
    return [
        *found,
        library.CustomComparison(
            output_column_name="place",
            comparison_levels=[
                levels.CustomLevel(
                    "(street_l is null or street_r is null) and (phone_l is null or phone_r is null)", "nothing to compare"
                ).configure(is_null_level=True),
                levels.CustomLevel("street_l = street_r and phone_l = phone_r", "home and telephone"),
                levels.CustomLevel("street_l = street_r and postcode_l = postcode_r", "home"),
                levels.CustomLevel("phone_l = phone_r", "telephone"),
                levels.CustomLevel("postcode_l = postcode_r and jaro_winkler_similarity(street_l, street_r) > 0.9", "much like"),
                levels.CustomLevel("postcode_l = postcode_r", "postcode"),
                levels.ElseLevel(),
            ],
        ),
    ]


def splink(columns: Columns, *, grouped: bool) -> tuple[Any, Any, Any]:
    """Pairs and match probabilities."""
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    rules = [
        ("national",), ("phone",), ("birth", "family_code"), ("birth", "given_start"), ("birth", "postcode"),
        ("family_code", "given_code", "year"), ("family_code", "given_code", "postcode"),
    ]  # fmt: skip
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=_comparisons(grouped),
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in rules],
        retain_matching_columns=False,
        probability_two_random_records_match=1.8 / columns.size,
    )
    database = DuckDBAPI()
    linker = Linker(database.register(table(columns)), settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (("birth",), ("given", "family"), ("street",)):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    found = linker.inference.predict(threshold_match_probability=0.001).as_pandas_dataframe()
    return found["unique_id_l"].to_numpy(), found["unique_id_r"].to_numpy(), found["match_probability"].to_numpy()


def fellegi_sunter(columns: Columns) -> tuple[Any, Any, Any]:
    """Two classes, independent fields that agree or not, u from random pairs, m by expectation and maximisation: the textbook."""
    pairs = candidate_pairs(columns, _RULES)
    distinct, inverse, counts = np.unique(patterns_of_pairs(columns, pairs), return_inverse=True, return_counts=True)
    levels = level_table(distinct)
    agree = levels == 1
    known = levels > 0
    one, other = np.random.default_rng(1).integers(0, columns.size, (2, 200_000))
    random = level_table(patterns_of_pairs(columns, np.minimum(one, other) * columns.size + np.maximum(one, other)))
    u = np.clip(((random == 1).sum(0) + 1) / ((random > 0).sum(0) + 2), 1e-6, 1 - 1e-6)
    m, share = np.full(len(FIELDS), 0.9), 0.5
    odds = np.zeros(len(distinct))
    for _ in range(60):
        odds = np.log(share / (1 - share)) + np.where(known, np.where(agree, np.log(m / u), np.log((1 - m) / (1 - u))), 0.0).sum(
            axis=1
        )
        match = counts / (1 + np.exp(-odds))
        m = np.clip(((agree * match[:, None]).sum(0) + 1) / ((known * match[:, None]).sum(0) + 2), 1e-6, 1 - 1e-6)
        share = float(np.clip(match.sum() / counts.sum(), 0.001, 0.999))
    probability = (1 / (1 + np.exp(-odds)))[inverse]
    return pairs // columns.size, pairs % columns.size, probability


def best_f1(one: Any, other: Any, probability: Any, truth: Any) -> float:
    """The best F1 of pairs over all thresholds."""
    counts = np.unique(truth, return_counts=True)[1]
    wanted = (counts * (counts - 1) // 2).sum()
    order = np.argsort(-probability, kind="stable")
    right = np.cumsum(truth[one[order]] == truth[other[order]])
    return float((2 * right / (np.arange(1, len(order) + 1) + wanted)).max())


def main(method: str, path: Path, out: Path) -> None:
    """Run a method on a file."""
    wall, used = time.perf_counter(), time.process_time()
    columns = read(path)
    if method == "fs":
        one, other, probability = fellegi_sunter(columns)
    else:
        one, other, probability = splink(columns, grouped=method == "splink-grouped")
    sure = probability >= _PROBABLE
    labels = components(columns.size, one[sure], other[sure])
    measured = {
        "wall": round(time.perf_counter() - wall, 2),
        "cpu": round(time.process_time() - used, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    measured["best pair F1"] = round(best_f1(one, other, probability, truth_of(path)), 4)
    with out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(zip(labels.tolist(), strict=True))
    out.with_suffix(".json").write_text(json.dumps(measured))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
