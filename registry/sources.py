"""How the settings name a source of submissions: by its certificate, its network address, or the sourceId of its sets."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from ebrim.model import Submission
from kernel.peer import Peer


class KnownSource(BaseModel):
    """A source. What is given of subject, address and source_id has to fit, all of it; without any it is everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field("", description="Subject of its certificate as RFC 4514 writes it: CN=ehr.north,O=Hospital,C=CH.")
    address: str = Field("", description="Its network address.")
    source_id: str = Field("", description="The sourceId (OID) of its submission sets.")

    def is_peer(self, peer: Peer) -> bool:
        """Whether certificate and address fit; a source known by its sourceId alone fits every peer."""
        return (not self.subject or _folded(self.subject) == _folded(peer.certificate_subject)) and (
            not self.address or self.address == peer.address
        )

    def is_source(self, peer: Peer, submission: Submission) -> bool:
        """Whether the peer fits, and the sourceId of the submission."""
        own = submission.submission_set
        return self.is_peer(peer) and (not self.source_id or (own is not None and own.source_id == self.source_id))


def _folded(subject: str) -> str:
    return re.sub(r"\s*,\s*", ",", subject.strip()).casefold()
