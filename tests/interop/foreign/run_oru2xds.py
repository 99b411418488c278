"""Starts the PyPI program oru2xds as its manual says, with the three values that a site sets in its configuration file.

Arguments: the folder of the package, the address of the repository, the HL7 port, the OID of the affinity domain.
"""

from __future__ import annotations

import sys

folder, url, port, oid = sys.argv[1:]
sys.path.insert(0, folder)
import config  # noqa: E402

config.SERVICE_URL = url
config.HL7_LISTENER_PORT = int(port)
config.AFFINITY_DOMAIN_ASSIGNING_AUTHORITY_OID = oid
config.LOG_LEVEL_CONSOLE = "DEBUG"

import oru2xds  # noqa: E402

oru2xds.Oru2xds()
