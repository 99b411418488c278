"""SOAP 1.2 with WS-Addressing and MTOM: bytes to values and back."""
