"""A made-up population and the records twenty sources keep of it, with the truth. The same seed gives the same people.

It lays the traps real data lay: families under one roof and telephone, twins, juniors, newborns without a name, moves, changed
surnames, scripts, nicknames, slips, exchanged names, defaulted dates, mothers' identifiers on children, placeholders.
"""

from __future__ import annotations

import random
import unicodedata
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from bench.linkage import pools

DEVELOPMENT_SEED = 7
HELD_OUT_SEED = 40_087
COLUMNS = (
    "record_id",
    "source",
    "recorded_on",
    "given",
    "middle",
    "family",
    "suffix",
    "sex",
    "dob",
    "street",
    "city",
    "state",
    "postcode",
    "phone",
    "national_id",
    "birth_order",
    "email",
    "mother_family",
    "country",
    "alias_family",
    "alias_given",
)
_NOW = date(2024, 1, 1)
_RECORDS_PER_PERSON = (0.42, 0.72, 0.88, 0.96, 0.99)


@dataclass(slots=True)
class Home:
    """Where people live together."""

    street: str
    city: str
    state: str
    postcode: str
    phone: str


@dataclass(slots=True)
class Human:
    """One made-up person, with the truth about them."""

    number: int
    sex: str
    given: str
    middle: str
    family: str
    maiden: str
    born: date
    homes: list[Home]
    mobile: str
    email: str
    national_id: str
    suffix: str = ""
    order: int = 0
    mother: Human | None = None


@dataclass(slots=True)
class Habits:
    """What a source does to all it writes down."""

    keeps_accents: float
    expands: float
    phone: float
    home_phone: float
    national_id: float
    address: float
    nickname: float
    middle: float
    upper: bool
    default_date: float
    email: float
    mother: float
    order: float
    care: float


class Population:
    """Draws people and writes records."""

    def __init__(self, seed: int) -> None:
        self.people: list[Human] = []
        self.random = random.Random(seed)
        self._female = _zipf(pools.FEMALE)
        self._male = _zipf(pools.MALE)
        rare = pools.RARE_FAMILY[:]
        self.random.shuffle(rare)
        self._family = _zipf([*pools.COMMON_FAMILY, *rare], 0.85)
        self._town = _zipf(pools.TOWNS, 0.8)
        self._sources = [self._habits() for _ in range(20)]

    def _habits(self) -> Habits:
        r = self.random
        return Habits(
            keeps_accents=r.choice((0.95, 0.5, 0.0)),
            expands=r.choice((0.0, 0.0, 0.8)),
            phone=r.uniform(0.5, 0.9),
            home_phone=r.uniform(0.2, 0.5),
            national_id=r.choice((0.0, 0.4, 0.8, 0.95)),
            address=r.uniform(0.75, 0.98),
            nickname=r.uniform(0.0, 0.1),
            middle=r.choice((0.1, 0.5, 0.9)),
            upper=r.random() < 0.3,
            default_date=r.uniform(0, 0.03),
            email=r.uniform(0, 0.4),
            mother=r.uniform(0, 0.4),
            order=r.uniform(0, 0.6),
            care=r.uniform(0.5, 1.6),
        )

    def records(self, wanted: int) -> Iterator[tuple[int, dict[str, str]]]:
        """So many records, each with the number of its person; in no order of person."""
        rows: list[tuple[int, dict[str, str]]] = []
        while len(rows) < wanted:
            start = len(self.people)
            self._household()
            sources = self.random.sample(range(20), 5)
            for human in self.people[start:]:
                for _ in range(1 + bisect(_RECORDS_PER_PERSON, self.random.random())):
                    rows.append((human.number, self._record(human, self.random.choice(sources))))
        del rows[wanted:]
        self.random.shuffle(rows)
        for number, (person, row) in enumerate(rows):
            row["record_id"] = f"R{number}"
            yield person, row

    def _household(self) -> None:
        r = self.random
        home, culture = self._home(), r.random()
        family = self._surname(culture)
        kind = r.random()
        adults = 1 if kind < 0.36 else 2
        children = 0 if kind < 0.24 or 0.36 <= kind < 0.55 else 1 + bisect((0.4, 0.8, 0.95), r.random())
        born = date(1935, 1, 1) + timedelta(days=r.randrange(365 * 68))
        if children:
            born = date(1955, 1, 1) + timedelta(days=r.randrange(365 * 47))
        first_sex = "F" if (children and adults == 1) or r.random() < 0.5 else "M"
        one = self._human(first_sex, family, culture, born, home)
        mother, father = (one, None) if first_sex == "F" else (None, one)
        if adults == 2:
            other_born = born + timedelta(days=int(r.gauss(0, 1200)))
            other = self._human("M" if first_sex == "F" else "F", family, culture, other_born, home)
            if r.random() < 0.15:
                other.family = other.maiden = self._surname(culture)
            mother, father = (one, other) if first_sex == "F" else (other, one)
        if mother is not None and father is not None and r.random() < 0.06:
            mother.family = f"{mother.maiden}-{father.family}"
        self._children(children, mother, father, family, culture, home)

    def _children(self, count: int, mother: Human | None, father: Human | None, family: str, culture: float, home: Home) -> None:
        r = self.random
        parent = mother or father
        made = 0
        while parent is not None and made < count:
            born = parent.born + timedelta(days=r.randrange(365 * 20, 365 * 40))
            if born >= _NOW:
                born = _NOW - timedelta(days=r.randrange(1, 2000))
            size = 2 if r.random() < 0.03 else 1
            for order in range(1, size + 1):
                child = self._human(r.choice("FM"), family, culture, born, home)
                child.mother, child.order = mother, order if size > 1 else 0
                while order > 1 and child.given == self.people[-2].given:
                    child.given = self._given(child.sex, culture)
                if child.sex == "M" and father is not None and r.random() < 0.06 and size == 1:
                    child.given, child.suffix, child.middle = father.given, "Jr", father.middle
                    father.suffix = father.suffix or "Sr"
            made += size

    def _human(self, sex: str, family: str, culture: float, born: date, home: Home) -> Human:
        r = self.random
        given, middle = self._given(sex, culture), self._given(sex, culture)
        maiden = self._surname(culture) if sex == "F" and (_NOW - born).days > 365 * 22 and r.random() < 0.6 else family
        if culture < 0.04 and sex == "F" and family.endswith(("в", "н")):
            family, maiden = family + "а", maiden + "а"
        homes = [home]
        while r.random() < 0.22 and len(homes) < 4:
            homes.insert(0, self._home())
        mobile = f"({r.randrange(201, 990)}) {r.randrange(200, 999)}-{r.randrange(10_000):04}"
        email = f"{given}.{family}{r.randrange(1000)}@mail.example".replace(" ", "").lower()
        national = f"{r.randrange(100, 900):03}-{r.randrange(1, 100):02}-{r.randrange(1, 10_000):04}"
        human = Human(len(self.people), sex, given, middle, family, maiden, born, homes, mobile, email, national)
        self.people.append(human)
        return human

    def _given(self, sex: str, culture: float) -> str:
        r = self.random
        if culture < 0.04:
            return r.choice(pools.CYRILLIC_FEMALE if sex == "F" else pools.CYRILLIC_MALE)
        if culture < 0.06:
            return r.choice(pools.GREEK_FEMALE if sex == "F" else pools.GREEK_MALE)
        name = _draw(r, self._female if sex == "F" else self._male)
        return f"{name}-{_draw(r, self._female if sex == 'F' else self._male)}" if r.random() < 0.02 else name

    def _surname(self, culture: float) -> str:
        r = self.random
        if culture < 0.04:
            return r.choice(pools.CYRILLIC_FAMILY)
        if culture < 0.06:
            return r.choice(pools.GREEK_FAMILY)
        name = _draw(r, self._family)
        return f"{r.choice(pools.PARTICLES)} {name}" if r.random() < 0.03 else name

    def _home(self) -> Home:
        r = self.random
        city = _draw(r, self._town)
        area = pools.TOWNS.index(city)
        unit = f" Apt {r.randrange(1, 60)}" if r.random() < 0.15 else ""
        street = f"{r.randrange(1, 3000)} {r.choice(pools.STREETS)}{unit}"
        postcode = f"{10_000 + area * 37 + r.randrange(8):05}"
        phone = f"({201 + area % 700}) {r.randrange(200, 999)}-{r.randrange(10_000):04}"
        return Home(street, city, f"S{area % 50:02}", postcode, phone)

    def _record(self, human: Human, source: int) -> dict[str, str]:
        r, habits = self.random, self._sources[source]
        home = human.homes[-1] if r.random() < 0.7 else r.choice(human.homes)
        age_days = (_NOW - human.born).days
        row = dict.fromkeys(COLUMNS, "")
        row.update(
            source=f"S{source:02}",
            recorded_on=(_NOW - timedelta(days=r.randrange(min(age_days, 5000) + 1))).isoformat(),
            given=human.given,
            family=human.maiden if human.maiden != human.family and r.random() < 0.3 else human.family,
            sex=human.sex if r.random() < 0.985 else r.choice(("", "U", "F", "M")),
            dob=human.born.isoformat(),
            country="",
        )
        if r.random() < habits.middle:
            row["middle"] = human.middle if r.random() < 0.5 else human.middle[0]
        if human.suffix and r.random() < 0.6:
            row["suffix"] = human.suffix
        if r.random() < habits.address:
            row.update(street=home.street, city=home.city, state=home.state, postcode=home.postcode)
        if r.random() < habits.phone:
            adult = age_days > 365 * 18
            row["phone"] = home.phone if not adult or r.random() < habits.home_phone else human.mobile
        if r.random() < habits.email and age_days > 365 * 16:
            row["email"] = human.email
        if human.mother is not None and age_days < 365 * 30 and r.random() < habits.mother:
            row["mother_family"] = human.mother.maiden
        if human.order and r.random() < habits.order:
            row["birth_order"] = str(human.order)
        if row["family"] != human.maiden and human.maiden != human.family and r.random() < 0.1:
            row["alias_family"] = human.maiden
        self._identify(row, human, habits, age_days)
        self._spoil(row, human, habits, age_days)
        self._write(row, habits)
        return row

    def _identify(self, row: dict[str, str], human: Human, habits: Habits, age_days: int) -> None:
        r = self.random
        if r.random() >= habits.national_id:
            return
        row["national_id"] = human.national_id
        if human.mother is not None and age_days < 365 * 12 and r.random() < 0.08:
            row["national_id"] = human.mother.national_id
        elif r.random() < 0.02:
            row["national_id"] = r.choice(("999-99-9999", "000-00-0000", "123-45-6789", "111-11-1111"))
        elif r.random() < 0.02:
            row["national_id"] = _slip(r, row["national_id"], "0123456789")

    def _spoil(self, row: dict[str, str], human: Human, habits: Habits, age_days: int) -> None:
        r, care = self.random, habits.care
        chance = r.random()
        if age_days < 900 and r.random() < 0.35:
            word = "Boy" if human.sex == "M" else "Girl"
            row["given"] = r.choice(
                (
                    "Baby",
                    f"Baby {word}",
                    f"Baby{word}",
                    "Infant",
                    f"Newborn {word}",
                    f"{word} {'AB'[human.order - 1] if human.order else ''}",
                )
            )
            row["middle"] = ""
        elif chance < habits.nickname and human.given in pools.NICKNAMES:
            row["given"] = pools.NICKNAMES[human.given]
        elif chance < 0.03 * care + 0.03 and len(row["given"]) > 3:
            row["given"] = _slip(r, row["given"])
        elif chance < 0.03 * care + 0.045:
            row["given"] = row["given"][0]
        elif chance < 0.03 * care + 0.06:
            row["given"], row["middle"] = human.middle, ""
        elif chance < 0.03 * care + 0.075:
            row["given"], row["family"] = row["family"], row["given"]
        self._spoil_family(row, care)
        self._spoil_date(row, habits)
        self._spoil_place(row, care)

    def _spoil_family(self, row: dict[str, str], care: float) -> None:
        r = self.random
        if r.random() < 0.04 * care and len(row["family"]) > 3:
            row["family"] = _slip(r, row["family"])
        if "-" in row["family"] and r.random() < 0.4:
            row["family"] = r.choice(row["family"].split("-"))
        if " " in row["family"] and r.random() < 0.3:
            row["family"] = r.choice((row["family"].split()[-1], row["family"].replace(" ", "")))

    def _spoil_place(self, row: dict[str, str], care: float) -> None:
        r = self.random
        if row["street"] and r.random() < 0.06 * care:
            row["street"] = _slip(r, row["street"])
        if row["street"] and r.random() < 0.25:
            row["street"] = (
                row["street"].replace("Street", "St").replace("Avenue", "Ave").replace("Road", "Rd").replace("Apt ", "#")
            )
        if row["street"] and r.random() < 0.1:
            row["street"] = row["street"].split(" Apt")[0]
        if row["postcode"] and r.random() < 0.015 * care:
            row["postcode"] = _slip(r, row["postcode"], "0123456789")
        if row["phone"] and r.random() < 0.02 * care:
            row["phone"] = r.choice(("(000) 000-0000", "(999) 999-9999", _slip(r, row["phone"], "0123456789")))

    def _spoil_date(self, row: dict[str, str], habits: Habits) -> None:
        r, care, (year, month, day) = self.random, habits.care, row["dob"].split("-")
        chance = r.random()
        if chance < 0.015:
            row["dob"] = ""
        elif chance < 0.015 + habits.default_date:
            row["dob"] = r.choice((f"{year}-01-01", f"{year}-01-01", f"{year}-{month}-01", "1900-01-01", year))
        elif chance < 0.015 + habits.default_date + 0.02 * care:
            row["dob"] = _valid(_slip(r, row["dob"], "0123456789"), row["dob"])
        elif chance < 0.03 + habits.default_date + 0.02 * care and int(day) <= 12:
            row["dob"] = f"{year}-{day}-{month}"

    def _write(self, row: dict[str, str], habits: Habits) -> None:
        r = self.random
        keeps = r.random() < habits.keeps_accents
        for name in ("given", "middle", "family", "mother_family", "alias_family", "email"):
            text = row[name]
            if text and not keeps:
                row[name] = text = _latin(text, expand=r.random() < habits.expands)
            if habits.upper:
                row[name] = text.upper()


def _latin(text: str, *, expand: bool) -> str:
    plain = unicodedata.normalize("NFD", text)
    out = []
    table = {**pools.CYRILLIC_TO_LATIN, **pools.GREEK_TO_LATIN}
    if expand:
        text = "".join(pools.EXPANDED.get(c, c) for c in text)
        plain = unicodedata.normalize("NFD", text)
    for letter in plain:
        if unicodedata.combining(letter):
            continue
        latin = table.get(letter.lower())
        if latin is None:
            out.append({"ł": "l", "Ł": "L", "ø": "o", "ß": "ss", "ı": "i"}.get(letter, letter))
        else:
            out.append(latin.capitalize() if letter.isupper() else latin)
    return "".join(out)


def _slip(r: random.Random, text: str, letters: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    at = r.randrange(1, len(text))
    kind = r.randrange(4)
    if letters == "0123456789":
        kind = r.choice((0, 3, 3))
        at = next((i for i in range(at, len(text)) if text[i].isdigit()), len(text) - 1)
    if kind == 0 and at + 1 < len(text):
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[:at] + r.choice(letters) + text[at:]
    return text[:at] + r.choice(letters) + text[at + 1 :]


def _valid(text: str, otherwise: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return otherwise


Weighted = tuple[list[str], list[float]]


def _zipf(values: list[str], exponent: float = 0.7) -> Weighted:
    return values, list(accumulate(1 / (rank + 5) ** exponent for rank in range(len(values))))


def _draw(r: random.Random, weighted: Weighted) -> str:
    values, totals = weighted
    return values[bisect(totals, r.random() * totals[-1])]
