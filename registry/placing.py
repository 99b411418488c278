"""Symbolic ids made into entryUUIDs: a submission as it will stand in the registry (ITI TF-3 4.2.1.3, 4.2.3.1.1)."""

from __future__ import annotations

from dataclasses import replace

from ebrim.model import Submission
from kernel.identifiers import NewUuid, is_entry_uuid


def placed(submission: Submission, new_uuid: NewUuid) -> Submission:
    """The submission with an entryUUID for every object, and associations between those.

    Ids inside of objects are made by the writer. What a source says of logicalID, version and status is not ours to believe.
    """
    objects = (*submission.objects(), *submission.associations)
    uuids = {obj.id: obj.id if is_entry_uuid(obj.id) else new_uuid() for obj in objects}
    return replace(
        submission,
        entries=tuple(replace(e, id=uuids[e.id], logical_id="", version="") for e in submission.entries),
        submission_sets=tuple(replace(s, id=uuids[s.id], logical_id="", version="") for s in submission.submission_sets),
        folders=tuple(replace(f, id=uuids[f.id], logical_id="", version="") for f in submission.folders),
        associations=tuple(
            replace(
                a,
                id=uuids[a.id],
                source=uuids.get(a.source, a.source),
                target=uuids.get(a.target, a.target),
                logical_id="",
                version="",
            )
            for a in submission.associations
        ),
    )
