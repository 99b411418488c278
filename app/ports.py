"""The ports of the actors, filled by other actors of this process."""

from __future__ import annotations

from collections.abc import Sequence

from access.subject import Subject
from ebrim.model import DocumentEntry, Submission
from ebrim.query import QuerySlot, adhoc_query_request, quoted_list, read_query
from ebrim.responses import query_response, read_query_response
from ebrim.uuids import QueryId
from kernel.errors import Rejected, Unavailable, Violation
from kernel.xml import parse_xml
from registry.service import RegistryService
from repository.ports import RejectedByRegistry


class LocalRegistry:
    """The registry of this process as the repository's `RegistryPort`."""

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry

    def register(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """Its warnings. Raises `RejectedByRegistry`, `Unavailable`."""
        try:
            return self._registry.register(submission, subject)
        except Rejected as no:
            raise RejectedByRegistry(no.violations) from no

    def entries(self, unique_ids: Sequence[str], subject: Subject) -> Sequence[DocumentEntry]:
        """The entries with these uniqueIds, of any status; asked and audited as a stored query, as a registry far away would be.

        Raises `Unavailable`.
        """
        slot = QuerySlot("$XDSDocumentEntryUniqueId", (quoted_list(unique_ids),))
        question = read_query(parse_xml(adhoc_query_request(QueryId.GET_DOCUMENTS.value, [slot])))
        try:
            found = b"".join(query_response(self._registry.query(question, subject)))
        except Rejected as no:
            raise Unavailable(no.violations) from no
        return read_query_response(parse_xml(found)).objects.entries
