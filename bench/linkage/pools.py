"""Names, streets and towns the made-up population is drawn from. All of our own making."""

from __future__ import annotations

from itertools import product


def words(text: str) -> list[str]:
    """The words of a table kept as text."""
    return text.split()


FEMALE = words(
    """
    Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Betty Margaret Sandra Ashley
    Kimberly Emily Donna Michelle Carol Amanda Dorothy Melissa Deborah Stephanie Rebecca Sharon Laura Cynthia Kathleen Amy
    Angela Shirley Anna Brenda Pamela Emma Nicole Helen Samantha Katherine Christine Debra Rachel Carolyn Janet Catherine
    Maria Heather Diane Ruth Julie Olivia Joyce Virginia Victoria Kelly Lauren Christina Joan Evelyn Judith Megan Andrea
    Cheryl Hannah Jacqueline Martha Gloria Teresa Ann Sara Madison Frances Kathryn Janice Jean Abigail Alice Julia Judy
    Sophia Grace Denise Amber Doris Marilyn Danielle Beverly Isabella Theresa Diana Natalie Brittany Charlotte Marie Kayla
    Alexis Lori Lucía Inés Zoë Chloé Renée Käthe Jördis Anaïs Sofía Begoña Françoise Åsa Małgorzata Agnieszka Ursula
    Gudrun Heike Sabine Monika Petra Renate Birgit Claudia Silke Elke Ingrid Katrin Anke
    """
)
MALE = words(
    """
    James Robert John Michael David William Richard Joseph Thomas Christopher Charles Daniel Matthew Anthony Mark Donald
    Steven Andrew Paul Joshua Kenneth Kevin Brian George Timothy Ronald Jason Edward Jeffrey Ryan Jacob Gary Nicholas Eric
    Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel Gregory Alexander Patrick Frank Raymond Jack Dennis Jerry
    Tyler Aaron Jose Adam Nathan Henry Zachary Douglas Peter Kyle Noah Ethan Jeremy Walter Christian Keith Roger Terry
    Austin Sean Gerald Carl Harold Dylan Arthur Lawrence Jordan Jesse Bryan Billy Bruce Gabriel Joe Logan Alan Juan Albert
    Willie Elijah Wayne Randy Vincent Mason Roy Ralph Bobby Russell Bradley Philip Eugene José Raúl Andrés Jürgen Jörg
    Günter Björn Søren Håkan René François André Łukasz Paweł Martín Ángel Wolfgang Klaus Dieter Manfred Uwe Hans Heinz
    Werner Horst Bernd Holger Torsten Rainer
    """
)
CYRILLIC_FEMALE = words(
    """
    Анна Мария Елена Ольга Наталья Татьяна Ирина Светлана Екатерина Юлия Людмила Галина Александра Дарья Полина
    """
)
CYRILLIC_MALE = words(
    """
    Александр Сергей Владимир Андрей Алексей Дмитрий Николай Иван Михаил Евгений Юрий Павел Виктор Игорь Олег
    """
)
CYRILLIC_FAMILY = words(
    """
    Иванов Смирнов Кузнецов Попов Соколов Лебедев Козлов Новиков Морозов Петров Волков Соловьев Васильев Зайцев Павлов
    Семенов Голубев Виноградов Богданов Воробьев Федоров Михайлов Беляев Тарасов Белов Комаров Орлов Киселев Макаров
    Андреев Шевченко Хрущев Щербаков
    """
)
GREEK_FEMALE = words(
    """
    Μαρία Ελένη Αικατερίνη Βασιλική Γεωργία Σοφία Αναστασία Ευαγγελία Ιωάννα Δήμητρα
    """
)
GREEK_MALE = words(
    """
    Γεώργιος Ιωάννης Κωνσταντίνος Δημήτριος Νικόλαος Παναγιώτης Βασίλειος Χρήστος Αθανάσιος Μιχαήλ
    """
)
GREEK_FAMILY = words(
    """
    Παπαδόπουλος Νικολαΐδης Γεωργίου Παππάς Οικονόμου Βασιλείου Αντωνίου Χατζής Δημητρίου Αλεξίου Μακρής
    """
)
COMMON_FAMILY = words(
    """
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson
    Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young
    Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter
    Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers
    Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez
    Wood James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Müller Schmidt
    Schneider Fischer Weber Schäfer Köhler König Böhm Krüger Jäger Größmann Weiß Núñez Peña Muñoz Ibáñez O'Brien O'Neill
    D'Angelo MacDonald McCarthy Sørensen Åberg Lindström Kowalski Wójcik Nowak Dvořák Novák Čapek Şahin Yılmaz Öztürk
    """
)
PARTICLES = ("van der", "van", "von", "de la", "de", "del", "di", "al", "ter")
_FIRST = words(
    """
    Ash Bar Beck Ber Black Brad Brook Burk Cald Carl Chat Clay Cole Corn Crom Dal Den Dray Dun East Eck Ell Fair Falk Farn
    Fen Flet Gar Gild Gran Grim Hal Hart Haw Hay Hol Hum Ing Kel Ken Kirk Lan Lang Leigh Lin Lock Lud Mar Mel Mid Mont Nor
    Oak Old Os Park Pem Pol Pres Rad Ran Red Rich Rock Rose Rud Sand Sel Shel Sher Stan Stock Strat Sut Tal Thorn Tren Und
    Wal War Wes Whit Wil Win Wol York
    """
)
_LAST = words(
    """
    berg bach burn by cliff combe cott croft dale den er feld field ford gate grave ham hart hurst ing land ley low man
    mann mere more ner rick ridge sen shaw son stead ster stock stone thorpe ton ville wald ward well wick wood worth
    """
)
RARE_FAMILY = [first + last for first, last in product(_FIRST, _LAST)]
STREETS = [
    f"{name} {kind}"
    for name, kind in product(
        [
            f"{a}{b}"
            for a, b in product(
                ("Oak", "Maple", "Cedar", "Mill", "River", "Hill", "Lake", "Park", "Church", "Sun", "Green", "Stone"),
                ("", " Grove", "view", " Ridge", "side", "wood", " Point", "dale", " Bend", "field"),
            )
        ],
        ("Street", "Avenue", "Road", "Drive", "Lane", "Court", "Boulevard", "Place"),
    )
]
TOWNS = [
    f"{first}{last}" for first, last in product(_FIRST[::3], ("ton", "ville", "field", "burg", "port", "mouth", " Falls", "stead"))
]
NICKNAMES = {
    "Robert": "Bob",
    "William": "Bill",
    "Richard": "Rick",
    "Elizabeth": "Liz",
    "Margaret": "Peggy",
    "James": "Jim",
    "John": "Jack",
    "Michael": "Mike",
    "Thomas": "Tom",
    "Christopher": "Chris",
    "Charles": "Chuck",
    "Daniel": "Dan",
    "Matthew": "Matt",
    "Anthony": "Tony",
    "Steven": "Steve",
    "Andrew": "Andy",
    "Joshua": "Josh",
    "Kenneth": "Ken",
    "Timothy": "Tim",
    "Ronald": "Ron",
    "Edward": "Ted",
    "Nicholas": "Nick",
    "Jonathan": "Jon",
    "Benjamin": "Ben",
    "Samuel": "Sam",
    "Gregory": "Greg",
    "Alexander": "Alex",
    "Patrick": "Pat",
    "Raymond": "Ray",
    "Patricia": "Trish",
    "Jennifer": "Jen",
    "Barbara": "Barb",
    "Susan": "Sue",
    "Jessica": "Jess",
    "Kimberly": "Kim",
    "Deborah": "Debbie",
    "Stephanie": "Steph",
    "Rebecca": "Becky",
    "Cynthia": "Cindy",
    "Kathleen": "Kathy",
    "Katherine": "Kate",
    "Christine": "Chris",
    "Catherine": "Cathy",
    "Victoria": "Vicky",
    "Jacqueline": "Jackie",
    "Theresa": "Terri",
    "Александр": "Саша",
    "Екатерина": "Катя",
    "Дмитрий": "Дима",
    "Γεώργιος": "Γιώργος",
    "Ιωάννης": "Γιάννης",
    "Wolfgang": "Wolf",
    "Donald": "Don",
    "Joseph": "Joe",
    "Amanda": "Mandy",
}
CYRILLIC_TO_LATIN = {
    "а": "a",
    "б": "b",
    "в": "v",
    "г": "g",
    "д": "d",
    "е": "e",
    "ё": "e",
    "ж": "zh",
    "з": "z",
    "и": "i",
    "й": "y",
    "к": "k",
    "л": "l",
    "м": "m",
    "н": "n",
    "о": "o",
    "п": "p",
    "р": "r",
    "с": "s",
    "т": "t",
    "у": "u",
    "ф": "f",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ы": "y",
    "ь": "",
    "э": "e",
    "ю": "yu",
    "я": "ya",
}
GREEK_TO_LATIN = {
    "α": "a",
    "β": "v",
    "γ": "g",
    "δ": "d",
    "ε": "e",
    "ζ": "z",
    "η": "i",
    "θ": "th",
    "ι": "i",
    "κ": "k",
    "λ": "l",
    "μ": "m",
    "ν": "n",
    "ξ": "x",
    "ο": "o",
    "π": "p",
    "ρ": "r",
    "σ": "s",
    "ς": "s",
    "τ": "t",
    "υ": "y",
    "φ": "f",
    "χ": "ch",
    "ψ": "ps",
    "ω": "o",
}
EXPANDED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa", "Ø": "Oe"}
