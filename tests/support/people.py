"""Records of made-up people for tests of record linkage."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from mpi.linkage.normalise import Prepared, prepare
from mpi.linkage.places import Home


def a_patient_id(number: str = "1", source: str = "A") -> PatientId:
    """An identifier of a source named by its namespace."""
    return PatientId(number, AssigningAuthority(source))


def some_demographics() -> Demographics:
    """Anna Maria Müller of Main Street."""
    return Demographics(
        names=(HumanName("Müller", ("Anna", "Maria")),),
        sex="F",
        birth=Dtm("19700503"),
        addresses=(Address(("12 Main Street Apt 4",), "Springfield", postcode="12345"),),
        telecoms=(Telecom("(555) 123-4567"), Telecom("Anna@Mail.example", "Internet", "NET")),
    )


def a_record(**changes: object) -> Prepared:
    """Anna Maria Müller as she is compared, with what a test changes."""
    return replace(prepare(some_demographics(), [a_patient_id()]), **changes)  # type: ignore[arg-type]


_GIVENS = st.sampled_from(["ANNA", "ANN", "A", "MARIA", "JOHN", "JACK", "JON", "ROBERT", "BOB", "ALEKSANDR", "MULLER", ""])
_FAMILIES = st.sampled_from(["MULLER", "MUELLER", "SMITH", "SMYTH", "GARCIA LOPEZ", "LOPEZ", "IVANOV", "IVANOVA", "ANNA", "JOHN"])
_BIRTHS = st.sampled_from(["", "19700503", "19700305", "19700504", "19700101", "1970", "197005", "19950503", "20010911"])
_HOMES = st.builds(
    Home,
    number=st.sampled_from(["", "12", "112", "7"]),
    street=st.sampled_from(["", "MAIN ST", "MAINE ST", "OAK RD"]),
    unit=st.sampled_from(["", "4", "5"]),
    city=st.sampled_from(["", "SPRINGFIELD", "SHELBYVILLE"]),
    postcode=st.sampled_from(["", "12345", "12354", "99999"]),
)
_SOURCES = st.builds(lambda source, number: f"{source}:{number}", st.sampled_from("ABC"), st.integers(1, 1000))

RECORDS: st.SearchStrategy[Prepared] = st.builds(
    Prepared,
    given=_GIVENS,
    middle=st.sampled_from(["", "M", "MARIA", "JOHN PAUL", "A"]),
    other_givens=st.lists(_GIVENS.filter(bool), max_size=1).map(tuple),
    families=st.lists(_FAMILIES, max_size=2, unique=True).map(tuple),
    suffix=st.sampled_from(["", "JR", "SR"]),
    birth=_BIRTHS,
    sex=st.sampled_from(["", "F", "M"]),
    person_ids=st.lists(st.sampled_from(["national:123456788", "national:123456787", "national:777001234"]), max_size=1).map(tuple),
    local_ids=st.sampled_from([(), (), ("X:1",), ("X:2",), ("X:2", "Y:1")]),
    source_id=_SOURCES,
    homes=st.lists(_HOMES.filter(lambda home: not home.is_empty), max_size=2).map(tuple),
    phones=st.lists(st.sampled_from(["551234567", "559999123"]), max_size=2, unique=True).map(tuple),
    emails=st.lists(st.sampled_from(["a@b.example", "c@d.example"]), max_size=1).map(tuple),
    mother=st.sampled_from(["", "SMITH", "GARCIA"]),
    order=st.integers(0, 2),
    flags=st.just(()),
)
"""Records that often agree, nearly agree or contradict each other."""
