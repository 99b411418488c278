"""Every door of the patient index, by language."""

from __future__ import annotations

from hl7v2.exchange import V2Door
from mpi.queries import MpiQueries
from mpi.service import MpiService
from mpi.source_links import SourceLinks
from mpi.source_moves import SourceMoves
from mpi.transactions.exchanges import V3Context
from mpi.transactions.iti08_identity_feed import PatientIdentityFeed
from mpi.transactions.iti09_pix_query import PixQuery
from mpi.transactions.iti21_pdq import PatientDemographicsQuery
from mpi.transactions.iti22_pdvq import PatientDemographicsAndVisitQuery
from mpi.transactions.iti30_identity_management import PatientIdentityManagement
from mpi.transactions.iti44_identity_feed_v3 import identity_feed_v3
from mpi.transactions.iti45_pix_query_v3 import PixQueryV3
from mpi.transactions.iti47_pdq_v3 import (
    DemographicsCancelV3,
    DemographicsContinuationV3,
    PatientDemographicsQueryV3,
)
from mpi.transactions.iti64_link_change import NotifyLinkChange
from soap.exchange import Door


def v2_doors(service: MpiService, queries: MpiQueries, links: SourceLinks, moves: SourceMoves) -> tuple[V2Door, ...]:
    """What `hl7v2.dispatch.V2Dispatcher` is built with."""
    return (
        PatientIdentityFeed(service),
        PatientIdentityManagement(service, links),
        NotifyLinkChange(moves),
        PixQuery(queries),
        PatientDemographicsQuery(queries),
        PatientDemographicsAndVisitQuery(queries),
    )


def v3_doors(service: MpiService, queries: MpiQueries, context: V3Context) -> tuple[Door, ...]:
    """What the SOAP door is built with, for /pix and /pdq; those of the feed also for /xds/registry."""
    return (
        *identity_feed_v3(service, context),
        PixQueryV3(queries, context),
        PatientDemographicsQueryV3(queries, context),
        DemographicsContinuationV3(queries, context),
        DemographicsCancelV3(queries, context),
    )
