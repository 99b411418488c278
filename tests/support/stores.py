"""A store as the service leaves it, without the service: for commands that work on the store itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings, load_settings
from app.wiring import House
from arr.model import LOCAL
from kernel.peer import Peer
from tests.support.command import Done, hie

DOMAIN = {"affinity.accept_new_authorities": "true", "matching.mode": "inline"}
ENVIRONMENT = {"HIE_AFFINITY__ACCEPT_NEW_AUTHORITIES": "true", "HIE_MATCHING__MODE": "inline", "HIE_LOG__LEVEL": "ERROR"}
PEER = Peer("127.0.0.1", "127.0.0.1:2575")


def a_house(data: Path, **changes: str) -> House:
    """The services on the embedded database of a folder, brought up to date."""
    house = House(some_settings(**changes), data)
    house.migrate_or_refuse()
    return house


def some_settings(**changes: str) -> Settings:
    """The settings of the tests; changes are named as in `hie.toml`, with __ for the dot."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return load_settings(None, {}, {**DOMAIN, **named}).settings


@dataclass(frozen=True)
class Store:
    """A folder with a migrated database, and the commands on it."""

    data: Path

    @contextmanager
    def house(self) -> Iterator[House]:
        """The services, given back at the end; what waits for the audit record repository is moved there."""
        house = a_house(self.data)
        try:
            yield house
            house.forward_audit(LOCAL)
        finally:
            house.close()

    def feed(self, *messages: bytes) -> list[str]:
        """What each HL7 v2 message is answered; linked at once."""
        with self.house() as house:
            return [house.v2(message, PEER).decode() for message in messages]

    def hie(self, *arguments: str, **environment: str) -> Done:
        """A command on this store."""
        return hie(*arguments, "--data", str(self.data), environment={**ENVIRONMENT, **environment})
