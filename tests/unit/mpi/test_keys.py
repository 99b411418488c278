"""Keys of records and identifiers in the affinity domain."""

from __future__ import annotations

from mpi.keys import AFFINITY_ID_LENGTH, EPOCH_MS, KeySource, new_affinity_id

NOW = EPOCH_MS + 10**11


def test_a_later_key_is_greater_even_in_the_same_millisecond_or_when_the_clock_goes_back() -> None:
    keys = KeySource(lambda _: 7)

    made = [keys(now) for now in (NOW, NOW, NOW + 1, NOW - 5000, NOW + 2)]

    assert made == sorted(set(made))


def test_a_key_fits_into_63_bits_for_a_century() -> None:
    assert 0 < KeySource(lambda bits: (1 << bits) - 1)(EPOCH_MS + 100 * 365 * 86_400_000) < 1 << 63
    assert KeySource(lambda _: 0)(0) > 0


def test_keys_of_two_processes_differ() -> None:
    assert KeySource()(NOW) != KeySource()(NOW)


def test_an_affinity_id_is_short_plain_and_never_the_same() -> None:
    made = {new_affinity_id() for _ in range(2000)}

    assert len(made) == 2000
    assert all(len(i) == AFFINITY_ID_LENGTH <= 15 and i.isalnum() and not set(i) & set("ILOU") and i == i.upper() for i in made)
