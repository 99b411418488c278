"""The ports of the actors, filled by other actors of this process."""

from __future__ import annotations

from collections.abc import Sequence

from access.subject import Subject
from atna import events
from ebrim.model import DocumentEntry, Submission
from ebrim.query import adhoc_query_request, read_query
from ebrim.responses import query_response, read_query_response
from ebrim.uuids import QueryId
from kernel.errors import Rejected, Unavailable, Violation
from kernel.xml import parse_xml
from registry.service import RegistryService
from repository.ports import RejectedByRegistry
from repository.questions import slots_of_documents, slots_of_patient


class LocalRegistry:
    """The registry of this process as the repository's `RegistryPort`; its refusals are on the record as well."""

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def register(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """Its warnings. Raises `RejectedByRegistry`, `Unavailable`."""
        try:
            return self._registry.register(submission, subject)
        except Rejected as no:
            self._registry.refuse_submission(events.register_document_set, submission, subject, no)
            raise RejectedByRegistry(no.violations) from no

    def register_on_demand(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """Its warnings. Raises `RejectedByRegistry`, `Unavailable`."""
        try:
            return self._registry.register_on_demand(submission, subject)
        except Rejected as no:
            self._registry.refuse_submission(events.register_on_demand, submission, subject, no)
            raise RejectedByRegistry(no.violations) from no

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries with these uniqueIds, of any status. Raises `Unavailable`."""
        return self._asked(adhoc_query_request(QueryId.GET_DOCUMENTS.value, slots_of_documents(unique_ids)), subject)

    def documents_of(self, patient_id: str, subject: Subject) -> Sequence[DocumentEntry]:
        """The Approved stable entries of a patient. Raises `Unavailable`."""
        return self._asked(adhoc_query_request(QueryId.FIND_DOCUMENTS.value, slots_of_patient(patient_id)), subject)

    def _asked(self, question: bytes, subject: Subject) -> Sequence[DocumentEntry]:
        """Asked and audited as a stored query, as a registry far away would be."""
        try:
            found = b"".join(query_response(self._registry.query(read_query(parse_xml(question)), subject)))
        except Rejected as no:
            raise Unavailable(no.violations) from no
        return read_query_response(parse_xml(found)).objects.entries
