"""Small random damage to XML, repeatable by seed: what a careless sender, or a changed rule, would do to a message."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator

from kernel.xml import Element

Mutation = Callable[[random.Random, list[Element]], str]


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _rename(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements)
    before, victim.tag = _name(victim), chance.choice(elements).tag
    return f"rename {before} to {_name(victim)}"


def _misspell(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements)
    victim.tag = victim.tag[:-1] + "_"
    return f"misspell {_name(victim)}"


def _change_namespace(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements)
    victim.tag = chance.choice(["", "{urn:elsewhere}"]) + _name(victim)
    return f"namespace of {_name(victim)}"


def _remove(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements[1:] or elements)
    parent = victim.getparent()
    if parent is None:
        return _misspell(chance, elements)
    parent.remove(victim)
    return f"remove {_name(parent)}/{_name(victim)}"


def _move(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements[1:] or elements)
    places = [e for e in elements if e is not victim and victim not in e.iterancestors()]
    if not places:
        return _misspell(chance, elements)
    parent = chance.choice(places)
    parent.insert(chance.randint(0, len(parent)), victim)
    return f"move {_name(victim)} into {_name(parent)}"


def _swap(chance: random.Random, elements: list[Element]) -> str:
    parents = [e for e in elements if len(e) > 1]
    if not parents:
        return _remove(chance, elements)
    parent = chance.choice(parents)
    first, second = chance.sample(list(parent), 2)
    at = parent.index(second)
    parent.insert(at, first)
    return f"move {_name(first)} beside {_name(second)} in {_name(parent)}"


def _repeat(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements[1:] or elements)
    if victim.getparent() is None:
        return _misspell(chance, elements)
    victim.addnext(copy.deepcopy(victim))
    return f"repeat {_name(victim)}"


def _remove_attribute(chance: random.Random, elements: list[Element]) -> str:
    victims = [e for e in elements if e.attrib]
    if not victims:
        return _remove(chance, elements)
    victim = chance.choice(victims)
    name = chance.choice(sorted(map(str, victim.attrib)))
    del victim.attrib[name]
    return f"remove {_name(victim)}/@{name}"


def _add_attribute(chance: random.Random, elements: list[Element]) -> str:
    victim, donor = chance.choice(elements), chance.choice(elements)
    name, value = chance.choice([*((str(n), str(v)) for n, v in donor.attrib.items()), ("unheardOf", "1")])
    victim.set(name, value)
    return f"add {_name(victim)}/@{name}"


def _change_attribute(chance: random.Random, elements: list[Element]) -> str:
    victims = [e for e in elements if e.attrib]
    if not victims:
        return _remove(chance, elements)
    victim = chance.choice(victims)
    name = chance.choice(sorted(map(str, victim.attrib)))
    value = chance.choice(["", " ", "x", "not one of them", "a" * 2000, "%zz%", "1.2.3", "20260101"])
    victim.set(name, value)
    return f"set {_name(victim)}/@{name} to {value[:20]!r}"


def _add_text(chance: random.Random, elements: list[Element]) -> str:
    victim = chance.choice(elements)
    victim.text = chance.choice(["text", "a" * 300, ""])
    return f"text in {_name(victim)}"


MUTATIONS: tuple[Mutation, ...] = (
    _rename,
    _misspell,
    _change_namespace,
    _remove,
    _move,
    _swap,
    _repeat,
    _remove_attribute,
    _add_attribute,
    _change_attribute,
    _add_text,
)


def mutants(original: Element, *, seed: str, count: int) -> Iterator[tuple[str, Element]]:
    """Copies of an element, each with one thing wrong (or, by chance, still right), and what was done to it."""
    chance = random.Random(seed)
    for _ in range(count):
        mutant = copy.deepcopy(original)
        elements = [e for e in mutant.iter() if isinstance(e.tag, str)]
        yield chance.choice(MUTATIONS)(chance, elements), mutant
