"""Codes against the code sets of the affinity domain (ITI TF-3 4.2.3.1.2)."""

from __future__ import annotations

from collections.abc import Iterator

from ebrim.model import CodedValue, DocumentEntry, Submission
from kernel.codes import Code
from kernel.errors import Condition, Violation, violation, warning
from registry.enforcing import Enforcement, Enforcing, strict
from registry.ports import CodeSets, Verdict


def code_set_faults(submission: Submission, code_sets: CodeSets, enforcing: Enforcing = strict) -> Iterator[Violation]:
    """An error, or a warning, for each code that its code set refuses; one warning for all attributes that have no code set yet."""
    unjudged: dict[str, None] = {}
    for at, attribute, code in _codes(submission):
        enforcement = enforcing(attribute)
        if enforcement is Enforcement.OFF:
            continue
        verdict = code_sets.accepts(attribute, code)
        if verdict is Verdict.REFUSE:
            told = f"{attribute}: {code.code} of {code.scheme or 'no scheme'} is not in the affinity domain's code set"
            make = violation if enforcement is Enforcement.REFUSE else warning
            yield make(Condition.METADATA_INVALID, at, told)
        elif verdict is Verdict.WARN:
            unjudged[attribute] = None
    if unjudged:
        told = f"taken as sent, for the affinity domain has no code set for them: {', '.join(unjudged)}"
        yield warning(Condition.METADATA_INVALID, "", told)


def _codes(submission: Submission) -> Iterator[tuple[str, str, Code]]:
    """Every code with the object and the attribute it stands in."""
    for at, attribute, values in _attributes(submission):
        for value in values:
            yield at, attribute, value.code
    for entry in submission.entries:
        if entry.mime_type:
            yield entry.id, "mimeType", Code(entry.mime_type, "")


def _attributes(submission: Submission) -> Iterator[tuple[str, str, tuple[CodedValue, ...]]]:
    for entry in submission.entries:
        for attribute, values in _of_entry(entry):
            yield entry.id, attribute, values
    for submission_set in submission.submission_sets:
        yield submission_set.id, "contentTypeCode", submission_set.content_type_codes
    for folder in submission.folders:
        yield folder.id, "folderCodeList", folder.codes
    for association in submission.associations:
        yield association.id, "associationDocumentation", association.documentation


def _of_entry(entry: DocumentEntry) -> tuple[tuple[str, tuple[CodedValue, ...]], ...]:
    return (
        ("classCode", entry.class_codes),
        ("typeCode", entry.type_codes),
        ("formatCode", entry.format_codes),
        ("healthcareFacilityTypeCode", entry.facility_codes),
        ("practiceSettingCode", entry.practice_codes),
        ("confidentialityCode", entry.confidentiality_codes),
        ("eventCodeList", entry.event_codes),
    )
