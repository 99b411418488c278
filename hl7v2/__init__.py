"""HL7 v2: ER7 text and MLLP frames to plain values and back. No sockets, tables or queues."""
