"""FHIR R4: plain values to resources in JSON and back; no socket, table or queue."""
