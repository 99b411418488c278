"""HL7 v3: the interactions of PIX and PDQ in XML to plain values and back. No sockets, tables or queues."""
