"""app.alarms"""

from __future__ import annotations

from app.alarms import BURST, PEERS, WINDOW_SECONDS, Alarms, reason_of
from kernel.errors import Condition, Unavailable, Unreadable, violation
from kernel.peer import Peer


class Log:
    """What was put on the record, at a time that the test says."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []
        self.now = 0.0
        self.is_away = False
        self.alarms = Alarms(self.tell, monotonic=lambda: self.now)
        self.unreadable = self.alarms.of("mllp")

    def tell(self, peer: Peer, reason: str, count: int) -> None:
        if self.is_away:
            raise Unavailable(violation(Condition.BUSY, "database", "away"))
        self.told.append((peer.address, reason, count))

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.told)


def a_peer(address: str = "10.0.0.5") -> Peer:
    return Peer(address, "127.0.0.1:2575")


def test_a_message_that_nobody_can_read_is_on_the_record() -> None:
    log = Log()

    log.unreadable(a_peer(), "why")

    assert log.told == [("10.0.0.5", "why", 1)]


def test_a_flood_is_one_record_more_with_its_number() -> None:
    log = Log()

    for _ in range(1_000):
        log.unreadable(a_peer(), "why")
    log.alarms.look()
    before = list(log.told)
    log.now = WINDOW_SECONDS
    log.alarms.look()
    log.alarms.look()

    assert before == [("10.0.0.5", "why", 1)] * BURST
    assert log.told == [*before, ("10.0.0.5", "why", 1_000 - BURST)]


def test_peers_and_listeners_are_told_apart() -> None:
    log = Log()

    for _ in range(BURST + 1):
        log.unreadable(a_peer("10.0.0.5"), "a")
        log.unreadable(a_peer("10.0.0.6"), "b")
        log.alarms.of("http")(a_peer("10.0.0.5"), "c")

    assert [sum(why == reason for _, why, _ in log.told) for reason in "abc"] == [BURST] * 3


def test_a_flood_from_everywhere_is_bounded_and_none_is_lost() -> None:
    log = Log()

    for number in range(PEERS + 2_000):
        log.unreadable(a_peer(f"10.{number >> 8}.{number & 255}.1"), "why")
    log.alarms.close()

    assert len(log.told) == PEERS + BURST + 1
    assert log.total == PEERS + 2_000


def test_the_next_minute_begins_anew() -> None:
    log = Log()
    for _ in range(BURST):
        log.unreadable(a_peer(), "why")
    log.now = WINDOW_SECONDS
    log.alarms.look()

    log.unreadable(a_peer(), "again")

    assert log.told[-1] == ("10.0.0.5", "again", 1)


def test_what_came_while_the_database_was_away_is_told_of_later() -> None:
    log = Log()
    log.is_away = True
    for _ in range(3):
        log.unreadable(a_peer(), "why")
    log.now = WINDOW_SECONDS
    log.alarms.look()

    log.is_away = False
    log.now = 2 * WINDOW_SECONDS
    log.alarms.look()

    assert log.told == [("10.0.0.5", "why", 3)]


def test_a_reason_is_our_own_words() -> None:
    assert reason_of(Unreadable(violation(Condition.MALFORMED, "Müller", "Müller"))) == "MALFORMED: the bytes are not the protocol"
