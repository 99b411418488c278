"""The only module that imports spyne: the registry of operations, their dispatch by wsa:Action, and the error edge of SOAP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import soap.spyne_compat  # noqa: F401  # before anything of spyne

# isort: split
from spyne import AnyXml, Application, Fault, ServiceBase, rpc
from spyne.context import MethodContext
from spyne.protocol.soap.soap12 import Soap12
from spyne.server import ServerBase

from kernel.errors import Condition, HieError, Refused, Unavailable, Unreadable, violation
from kernel.identifiers import NewUuid, new_entry_uuid
from kernel.xml import Element
from soap.addressing import answer_headers, read_addressing, readable_message_id, require_answerable
from soap.envelope import Envelope, envelope, read_envelope
from soap.exchange import (
    ANONYMOUS,
    Addressing,
    Answer,
    DeferredAnswer,
    Door,
    Exchange,
    Outcome,
    OutgoingPart,
    PartHeaders,
    PartSink,
    SoapHooks,
    SoapRequest,
    SoapResponse,
    Stage,
)
from soap.faults import SoapFault, action_not_supported, fault_of, internal_fault, sender_fault
from soap.intake import Intake
from soap.mtom import MtomEncoder
from soap.security import find_security
from soap.served import Schemas, Served, by_action
from soap.settings import SoapSettings

OnBug = Callable[[BaseException, Exchange | None], None]

TARGET_NAMESPACE = "urn:affinity:services"
"""Names the operations inside spyne; it is on no wire."""


def _silence_spyne() -> None:
    # it writes whole request bodies to its loggers, and those hold health data
    logger = logging.getLogger("spyne")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


_silence_spyne()


class _Call:
    """One request on its way through spyne, as the user-defined part of its context."""

    __slots__ = ("addressing", "envelope", "error", "exchange", "intake", "is_mtom", "relates_to", "request", "response", "served")

    def __init__(self, request: SoapRequest) -> None:
        self.request = request
        self.intake: Intake | None = None
        self.envelope: Envelope | None = None
        self.served: Served | None = None
        self.exchange: Exchange | None = None
        self.is_mtom = False
        self.relates_to = ""
        self.addressing: Addressing | None = None
        self.error: HieError | None = None
        self.response: SoapResponse | None = None

    def forget(self) -> None:
        """Lets go of what refers back to this call, so that a large tree goes with the request and not with the collector."""
        self.intake = self.error = self.exchange = self.envelope = None

    def endpoint_of(self, *, is_fault: bool) -> tuple[str, str]:
        """Where the answer or the fault goes, empty for back on the connection; and the reference parameters of that place."""
        asked = self.addressing
        if asked is None:
            return "", ""
        is_apart = is_fault and bool(asked.fault_to)
        address = asked.fault_to if is_apart else asked.reply_to
        parameters = asked.fault_parameters if is_apart else asked.reply_parameters
        return "" if address == ANONYMOUS else address, parameters

    @property
    def operation_name(self) -> str:
        return self.served.operation.name if self.served is not None else ""


class _Refusal(Fault):  # type: ignore[misc]  # spyne has no types
    """Carries through spyne what is answered instead of the door's answer."""

    def __init__(self, outcome: Answer | SoapFault) -> None:
        super().__init__("Client", "refused")
        self.outcome = outcome


class SoapDoor:
    """Serves every operation of `doors` at any path. Built once; `handle` may be called from many threads.

    `schemas` gives the schema of each kind of body, `stage` opens sinks for documents (without it none is taken), `on_bug` is
    told of what should not happen; the sender learns no more than that it did.
    """

    def __init__(
        self,
        doors: Sequence[Door],
        schemas: Schemas,
        on_bug: OnBug,
        hooks: SoapHooks | None = None,
        *,
        stage: Stage | None = None,
        limits: SoapSettings | None = None,
        new_uuid: NewUuid = new_entry_uuid,
    ) -> None:
        self._hooks = hooks or SoapHooks()
        self._on_bug = on_bug
        self._stage = stage or _no_documents
        self._limits = limits or SoapSettings()
        self._new_uuid = new_uuid
        self._served = by_action(doors, schemas)
        self.actions = tuple(sorted({served.operation.action for served in self._served.values()}))
        self._transport = _Transport(self._application())

    def handle(self, request: SoapRequest) -> SoapResponse:
        """The answer to one request, whatever it holds. Raises nothing but what ends the process or the thread."""
        call = _Call(request)
        try:
            self._transport.serve(call)
        except Exception as problem:  # the error edge
            self._settle_bug(call, problem)
            self.respond(call, internal_fault())
        finally:
            if call.response is None or call.error is not None:
                self._clear(call)
        self._send_elsewhere(call)
        response, error = call.response, call.error
        call.forget()
        assert response is not None
        self._hooks.after(response, error)
        return response

    def _send_elsewhere(self, call: _Call) -> None:
        """Keeps an answer for the address it goes to, and accepts the request with it (SOAP 1.2 part 2, 7.5.1.2)."""
        response = call.response
        if response is None or self._hooks.defer is None:
            return
        address, _ = call.endpoint_of(is_fault=response.outcome is Outcome.FAULT)
        if not address:
            return
        try:
            body = _whole(response, self._limits.reply_bytes)
            self._hooks.defer(DeferredAnswer(address, dict(response.headers)["Content-Type"], body))
        except HieError as error:
            call.error, call.addressing = error.with_traceback(None), None
            self.respond(call, fault_of(error))
        else:
            empty = (("Content-Length", "0"),)
            call.response = SoapResponse(202, empty, iter(()), response.operation, response.outcome)

    def receive(self, call: _Call) -> None:
        """Reads the request up to a body that may be given to a door. Raises `_Refusal`."""
        try:
            call.is_mtom = call.request.content_type.lstrip().lower().startswith("multipart/")
            call.intake = Intake(call.request, stage=self._stage, limits=self._limits, admit=lambda root: self._admit(call, root))
            call.intake.receive()
            served, exchange = call.served, call.exchange
            assert served is not None
            assert exchange is not None
            call.exchange = _with_attachments(exchange, call.intake)
            served.require_valid(exchange.body)
        except HieError as error:
            raise _Refusal(self._settle(call, error)) from None
        except Exception as problem:  # the error edge
            raise _Refusal(self._settle_bug(call, problem)) from None

    def answer(self, call: _Call) -> Answer:
        """What the door answers. Raises `_Refusal`."""
        served, exchange = call.served, call.exchange
        assert served is not None
        assert exchange is not None
        try:
            return served.door.answer(exchange)
        except HieError as error:
            raise _Refusal(self._settle(call, error)) from None
        except Exception as problem:  # the error edge
            raise _Refusal(self._settle_bug(call, problem)) from None

    def respond(self, call: _Call, outcome: Answer | SoapFault) -> None:
        """Writes the response: multipart to a multipart request and where the operation says always, else plain."""
        if isinstance(outcome, SoapFault):
            action, blocks, status, ending = outcome.action, outcome.header_blocks, outcome.http_status, Outcome.FAULT
            body: tuple[bytes, ...] = (outcome.body,)
            parts: tuple[OutgoingPart, ...] = ()
        else:
            assert call.served is not None
            action, blocks, status = call.served.operation.answer_action, "", 200
            ending = Outcome.ANSWERED if call.error is None else Outcome.REFUSED
            body, parts = outcome.body, outcome.parts
        endpoint = call.endpoint_of(is_fault=ending is Outcome.FAULT)
        headers = answer_headers(action, self._new_uuid(), call.relates_to, *endpoint) + blocks
        root = tuple(envelope(headers, body))
        if parts or call.is_mtom or (call.served is not None and call.served.operation.mtom):
            encoder = MtomEncoder(root, parts, boundary="part-" + self._new_uuid()[-36:])
            kind, length, chunks = encoder.content_type, encoder.content_length, encoder.chunks()
        else:
            whole = b"".join(root)
            kind, length, chunks = "application/soap+xml; charset=UTF-8", len(whole), iter((whole,))
        sent = (("Content-Type", kind), ("Content-Length", str(length)))
        call.response = SoapResponse(status, sent, chunks, call.operation_name, ending)

    def _admit(self, call: _Call, root: Element) -> None:
        found = read_envelope(root)
        call.envelope = found
        call.relates_to = readable_message_id(found.headers)
        addressing = read_addressing(found.headers)
        served = self._served.get(addressing.action)
        if served is None:
            raise action_not_supported(addressing.action, self.actions)
        call.served = served
        served.require_root(found.body)
        require_answerable(addressing, self._limits.reply_to if self._hooks.defer else ())
        call.addressing = addressing
        find_security(found.headers, limit=self._limits.security_bytes)
        call.exchange = Exchange(call.request.peer, addressing, found.body, found.headers, {}, call.is_mtom)
        self._hooks.before(served.operation, call.exchange)

    def _settle(self, call: _Call, error: HieError) -> Answer | SoapFault:
        """The error edge: what is answered to an error; the door writes the audit record of a refusal that it could read."""
        # the frames of a traceback hold the call, and the call holds the tree
        call.error, error.__context__ = error.with_traceback(None), None
        answer: Answer | None = None
        if call.served is not None and call.exchange is not None:
            try:
                answer = call.served.door.refuse(call.exchange, error)
            except HieError:
                answer = None  # it could not be told in the door's own language, so a fault tells it
            except Exception as problem:  # the error edge
                self._on_bug(problem, call.exchange)
        elif call.exchange is None:
            self._hooks.unread(call.request.peer, error)
        if answer is None or isinstance(error, (Unreadable, Refused)):
            return fault_of(error)
        return answer

    def _settle_bug(self, call: _Call, problem: Exception) -> Answer | SoapFault:
        self._on_bug(problem, call.exchange)
        return self._settle(call, HieError(violation(Condition.INTERNAL, "", Condition.INTERNAL.value)))

    def _clear(self, call: _Call) -> None:
        if call.intake is None:
            return
        try:
            call.intake.abort()
            call.intake.drain(self._limits.drained_bytes)
        except (OSError, HieError):
            return  # the sender is gone, or over a limit of the listener
        except Exception as problem:  # the answer is there already
            self._on_bug(problem, call.exchange)

    def _application(self) -> Any:
        names = {served.operation.name for served in self._served.values()}
        service = type("Doors", (ServiceBase,), {name: _operation(name, self.answer) for name in names})
        return Application([service], tns=TARGET_NAMESPACE, in_protocol=_IheSoap12(self), out_protocol=_IheSoap12(self))


def _operation(name: str, answer: Callable[[_Call], Answer]) -> Any:
    def operation(ctx: Any, body: Element) -> Answer:  # noqa: ARG001  # spyne names the arguments
        return answer(ctx.udc)

    operation.__name__ = name
    return rpc(AnyXml, _returns=AnyXml, _body_style="bare", _operation_name=name)(operation)


def _whole(response: SoapResponse, limit: int) -> bytes:
    """The bytes of an answer. Raises `Unavailable` when they are more than are kept."""
    size = int(dict(response.headers)["Content-Length"])
    pieces = list(response.chunks) if size <= limit else []
    close = getattr(response.chunks, "close", None)
    if close is not None:
        close()
    if size > limit:
        told = f"an answer of {size} bytes is not sent to an address, {limit} at the most are; ask for less, or on one connection"
        raise Unavailable(violation(Condition.TOO_LARGE, "SOAP", told))
    return b"".join(pieces)


def _no_documents(_: PartHeaders) -> PartSink:
    raise sender_fault("no documents are taken here", Condition.MESSAGE_TYPE_UNSUPPORTED)


def _with_attachments(exchange: Exchange, intake: Intake) -> Exchange:
    if not intake.attachments:
        return exchange
    return Exchange(exchange.peer, exchange.addressing, exchange.body, exchange.headers, intake.attachments, exchange.is_mtom)


class _IheSoap12(Soap12):  # type: ignore[misc]  # spyne has no types
    """SOAP 1.2 as IHE uses it: our parser, our dispatch, our writer; of spyne's own protocol nothing runs.

    What spyne does with such messages by itself is recorded in docs/decisions; it cannot dispatch by action, drops mustUnderstand,
    wraps bodies, and answers some malformed requests with an exception.
    """

    def __init__(self, soap_door: SoapDoor) -> None:
        super().__init__()
        self._soap_door = soap_door

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:  # noqa: ARG002
        self._soap_door.receive(ctx.udc)

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:  # noqa: ARG002
        call: _Call = ctx.udc
        assert call.envelope is not None
        assert call.served is not None
        ctx.in_header_doc, ctx.in_body_doc = call.envelope.headers, call.envelope.body
        ctx.method_request_string = call.served.operation.name

    def generate_method_contexts(self, ctx: Any) -> tuple[Any]:
        # there is one handle for each name, so the copy of the context that spyne makes for each handle is not needed
        (ctx.descriptor,) = self.get_call_handles(ctx)
        return (ctx,)

    def deserialize(self, ctx: Any, message: Any) -> None:  # noqa: ARG002
        ctx.in_object = ctx.in_body_doc

    def serialize(self, ctx: Any, message: Any) -> None:
        """Answers are bytes already."""

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:  # noqa: ARG002
        self._soap_door.respond(ctx.udc, ctx.out_object[0] if ctx.out_error is None else ctx.out_error.outcome)
        ctx.out_string = ()


class _Context(MethodContext):  # type: ignore[misc]  # spyne has no types
    """spyne's context, without the search it makes for every attribute that is set and every event that nobody listens to."""

    __setattr__ = object.__setattr__

    def fire_event(self, event: str, *arguments: Any, **named: Any) -> None:
        described = self.descriptor
        for manager in (self.app.event_manager, *(described.event_managers if described is not None else ())):
            if manager.handlers:
                manager.fire_event(event, self, *arguments, **named)


class _Transport(ServerBase):  # type: ignore[misc]  # spyne has no types
    """Runs spyne's stages for one request in the calling thread; HTTP is somebody else's."""

    transport = "urn:affinity:in-process"

    def serve(self, call: _Call) -> None:
        ctx = _Context(self, MethodContext.SERVER)
        ctx.udc = call
        try:
            self.generate_contexts(ctx)
            if ctx.in_error is None:
                self.get_in_object(ctx)
                self.get_out_object(ctx)
            self.get_out_string(ctx)
        finally:
            # a context refers to itself, so what it holds would stay until the collector comes
            ctx.udc = ctx.in_header_doc = ctx.in_body_doc = ctx.in_object = ctx.out_object = None
            ctx.in_error = ctx.out_error = None
