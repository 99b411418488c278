"""What a repository asks of a submission before it keeps a byte (ITI TF-2 3.41.4.1.3); the rest is the registry's to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ebrim.datatypes import problem_with_size, problem_with_unique_id
from ebrim.model import DocumentEntry, Submission
from kernel.errors import Condition, Violation, violation
from repository.model import DocumentRecord, ReceivedDocument
from soap.exchange import Attachment


def judge(submission: Submission, documents: Sequence[ReceivedDocument]) -> Iterator[Violation]:
    """Everything that is wrong with the metadata as a repository needs them, and with their documents."""
    yield from _readable(submission)
    yield from _one_set(submission)
    yield from _unique_ids(submission)
    yield from _pairs(submission, documents)
    attachments = {document.entry_id: document.attachment for document in documents}
    for entry in submission.entries:
        if entry.is_on_demand:
            yield violation(Condition.METADATA_INVALID, entry.id, "an on-demand entry is registered by ITI-61, without a document")
        elif entry.id in attachments:
            yield from _content(entry, attachments[entry.id])


def _readable(submission: Submission) -> Iterator[Violation]:
    """What the reader could not place would be lost on the way to the registry."""
    for fault in submission.faults:
        yield violation(Condition.METADATA_INVALID, "", fault)
    for obj in (*submission.objects(), *submission.associations):
        for fault in obj.faults:
            yield violation(Condition.METADATA_INVALID, obj.id, fault)


def _one_set(submission: Submission) -> Iterator[Violation]:
    number = len(submission.submission_sets)
    if number != 1:
        yield violation(Condition.METADATA_INVALID, "SubmissionSet", f"{number} submission sets where one is expected")
    elif not submission.submission_sets[0].unique_id:
        yield violation(Condition.METADATA_INVALID, submission.submission_sets[0].id, "the submission set has no uniqueId")


def _unique_ids(submission: Submission) -> Iterator[Violation]:
    for entry in submission.entries:
        problem = problem_with_unique_id(entry.unique_id) if len(entry.unique_ids) == 1 else f"there are {len(entry.unique_ids)}"
        if problem:
            yield violation(Condition.METADATA_INVALID, entry.id, f"uniqueId: {problem}")
    for unique_id, times in Counter(i.value for o in submission.objects() for i in o.unique_ids).items():
        if times > 1:
            yield violation(Condition.UNIQUE_ID_REPEATED, unique_id, "this uniqueId stands more than once in the message")


def _pairs(submission: Submission, documents: Sequence[ReceivedDocument]) -> Iterator[Violation]:
    provided = Counter(document.entry_id for document in documents)
    described = Counter(entry.id for entry in submission.entries)
    for entry in submission.entries:
        if entry.id not in provided and not entry.is_on_demand:
            yield violation(Condition.DOCUMENT_MISSING, entry.id, "no Document has this id")
    for entry_id, times in provided.items():
        if entry_id not in described:
            yield violation(Condition.METADATA_MISSING, entry_id, "no entry has the id of this Document")
        elif times > 1:
            yield violation(Condition.METADATA_INVALID, entry_id, f"{times} Documents have this id")
    for entry_id, times in described.items():
        if times > 1:
            yield violation(Condition.METADATA_INVALID, entry_id, f"{times} entries have this id")


def _content(entry: DocumentEntry, attachment: Attachment) -> Iterator[Violation]:
    for declared in entry.hash:
        if declared.lower() != attachment.sha1:
            yield violation(Condition.CONTENT_DIFFERS, entry.id, f"hash: the document's SHA-1 is {attachment.sha1}")
    for declared in entry.size:
        if problem_with_size(declared) or int(declared) != attachment.size:
            yield violation(Condition.CONTENT_DIFFERS, entry.id, f"size: the document has {attachment.size} bytes")
    for name, values in (("hash", entry.hash), ("size", entry.size)):
        if len(values) > 1:
            yield violation(Condition.METADATA_INVALID, entry.id, f"{name} has {len(values)} values where one is expected")


def missing_from(
    records: Sequence[DocumentRecord], entries: Sequence[DocumentEntry], repository_unique_id: str
) -> Sequence[DocumentRecord]:
    """Those of the documents that no entry of a registry stands for: same uniqueId, same hash, in this repository."""
    known = {
        (entry.unique_id, digest.lower())
        for entry in entries
        if entry.repository_unique_id == (repository_unique_id,)
        for digest in entry.hash
    }
    return [record for record in records if (record.unique_id, record.sha1) not in known]
