"""ITI-64 Notify XAD-PID Link Change (ITI TF-2, 3.64): A43."""

from __future__ import annotations

from hl7v2.ack import acknowledged, refused
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.patient import read_link_change
from kernel.errors import HieError
from kernel.patient_update import LinkChange
from mpi.source_moves import SourceMoves
from mpi.transactions.exchanges import on_record, receipt_of_v2, subject_of_v2, tolerated_v2


class NotifyLinkChange:
    """Takes a local patient over to another one of the affinity domain, and answers once it is committed."""

    handles: frozenset[MessageKind] = frozenset({("ADT", "A43")})

    def __init__(self, moves: SourceMoves) -> None:
        self._moves = moves

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """AA."""
        change = read_link_change(exchange.message)
        fed = self._moves.move(change, subject_of_v2(exchange), receipt_of_v2(exchange))
        return acknowledged(exchange, tolerated_v2(exchange, fed.warnings))

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """AE or AR with every fault, on the record."""
        subject, change = subject_of_v2(exchange), _change(exchange)
        on_record(lambda: self._moves.refused(change, subject, error))
        return refused(exchange, error)


def _change(exchange: V2Exchange) -> LinkChange | None:
    """What can be read of a change that is refused."""
    try:
        return read_link_change(exchange.message)
    except HieError:
        return None
