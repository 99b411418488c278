"""The codes of audit messages: DICOM's own, and one row for each transaction our actors take part in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from kernel.codes import Code

_DCM: Final = "DCM"
_RFC3881: Final = "RFC-3881"
TRANSACTIONS: Final = "IHE Transactions"
XDS_METADATA: Final = "IHE XDS Metadata"
HOUSE: Final = "Affinity"
"""The scheme of what no standard has a code for: acts of administrators."""


class Action(Enum):
    """EventActionCode (DICOM PS3.15 A.5.2)."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class ObjectType(IntEnum):
    """ParticipantObjectTypeCode."""

    PERSON = 1
    SYSTEM = 2
    ORGANISATION = 3
    OTHER = 4


class ObjectRole(IntEnum):
    """ParticipantObjectTypeCodeRole, as far as we write it."""

    PATIENT = 1
    REPORT = 3
    RESOURCE = 4
    USER = 6
    SECURITY_RESOURCE = 13
    JOB = 20
    QUERY = 24
    PROCESSING_ELEMENT = 26


class LifeCycle(IntEnum):
    """ParticipantObjectDataLifeCycle, as far as we write it."""

    ORIGINATION = 1
    AMENDMENT = 3
    ACCESS = 6
    EXPORT = 10
    LOGICAL_DELETION = 14
    PERMANENT_ERASURE = 15


class NetworkType(IntEnum):
    """NetworkAccessPointTypeCode."""

    MACHINE = 1
    ADDRESS = 2
    TELEPHONE = 3
    EMAIL = 4
    URI = 5


APPLICATION_ACTIVITY: Final = Code("110100", _DCM, "Application Activity")
AUDIT_LOG_USED: Final = Code("110101", _DCM, "Audit Log Used")
EXPORT: Final = Code("110106", _DCM, "Export")
IMPORT: Final = Code("110107", _DCM, "Import")
PATIENT_RECORD: Final = Code("110110", _DCM, "Patient Record")
QUERY: Final = Code("110112", _DCM, "Query")
SECURITY_ALERT: Final = Code("110113", _DCM, "Security Alert")
USER_AUTHENTICATION: Final = Code("110114", _DCM, "User Authentication")

APPLICATION_START: Final = Code("110120", _DCM, "Application Start")
APPLICATION_STOP: Final = Code("110121", _DCM, "Application Stop")
LOGIN: Final = Code("110122", _DCM, "Login")
LOGOUT: Final = Code("110123", _DCM, "Logout")
NODE_AUTHENTICATION: Final = Code("110126", _DCM, "Node Authentication")
EMERGENCY_OVERRIDE: Final = Code("110127", _DCM, "Emergency Override Started")
SECURITY_CONFIGURATION: Final = Code("110129", _DCM, "Security Configuration")
RECORDING_STOPPED: Final = Code("110133", _DCM, "Audit Recording Stopped")
RECORDING_STARTED: Final = Code("110134", _DCM, "Audit Recording Started")

UNREADABLE: Final = Code("unreadable-message", HOUSE, "Message not readable")

APPLICATION: Final = Code("110150", _DCM, "Application")
APPLICATION_LAUNCHER: Final = Code("110151", _DCM, "Application Launcher")
DESTINATION: Final = Code("110152", _DCM, "Destination Role ID")
SOURCE: Final = Code("110153", _DCM, "Source Role ID")

PATIENT_NUMBER: Final = Code("2", _RFC3881, "Patient Number")
REPORT_NUMBER: Final = Code("9", _RFC3881, "Report Number")
USER_IDENTIFIER: Final = Code("11", _RFC3881, "User Identifier")
URI: Final = Code("12", _RFC3881, "URI")
SUBMISSION_SET: Final = Code("urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd", XDS_METADATA, "submission set classificationNode")
REGISTRY_OBJECT: Final = Code("urn:ihe:iti:2017:ObjectRef", XDS_METADATA, "registry object reference")

SOURCE_TYPE_SERVER: Final = Code("4", _DCM, "Application Server")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A row of the ITI audit tables: what the sender of the request writes, and what its receiver writes."""

    name: str
    display: str
    sender: tuple[Code, Action]
    receiver: tuple[Code, Action]

    @property
    def code(self) -> Code:
        """EventTypeCode, and the type of the query object where there is one."""
        return Code(self.name, TRANSACTIONS, self.display)


def _both(name: str, display: str, event: Code, action: Action) -> Transaction:
    return Transaction(name, display, (event, action), (event, action))


def _submission(name: str, display: str) -> Transaction:
    return Transaction(name, display, (EXPORT, Action.READ), (IMPORT, Action.CREATE))


def _update(name: str, display: str) -> Transaction:
    return Transaction(name, display, (EXPORT, Action.UPDATE), (IMPORT, Action.UPDATE))


def _notification(name: str, display: str) -> Transaction:
    return Transaction(name, display, (PATIENT_RECORD, Action.READ), (PATIENT_RECORD, Action.UPDATE))


ITI_8: Final = _both("ITI-8", "Patient Identity Feed", PATIENT_RECORD, Action.CREATE)
ITI_9: Final = _both("ITI-9", "PIX Query", QUERY, Action.EXECUTE)
ITI_10: Final = _notification("ITI-10", "PIX Update Notification")
ITI_18: Final = _both("ITI-18", "Registry Stored Query", QUERY, Action.EXECUTE)
ITI_21: Final = _both("ITI-21", "Patient Demographics Query", QUERY, Action.EXECUTE)
ITI_22: Final = _both("ITI-22", "Patient Demographics and Visit Query", QUERY, Action.EXECUTE)
ITI_30: Final = _both("ITI-30", "Patient Identity Management", PATIENT_RECORD, Action.CREATE)
ITI_41: Final = _submission("ITI-41", "Provide and Register Document Set-b")
ITI_42: Final = _submission("ITI-42", "Register Document Set-b")
ITI_43: Final = Transaction("ITI-43", "Retrieve Document Set", (IMPORT, Action.CREATE), (EXPORT, Action.READ))
ITI_44: Final = _both("ITI-44", "Patient Identity Feed", PATIENT_RECORD, Action.CREATE)
ITI_45: Final = _both("ITI-45", "PIX Query", QUERY, Action.EXECUTE)
ITI_46: Final = _notification("ITI-46", "PIX Update Notification")
ITI_47: Final = _both("ITI-47", "Patient Demographics Query", QUERY, Action.EXECUTE)
ITI_51: Final = _both("ITI-51", "Multi-Patient Stored Query", QUERY, Action.EXECUTE)
ITI_57: Final = _update("ITI-57", "Update Document Set")
ITI_61: Final = _submission("ITI-61", "Register On-Demand Document Entry")
ITI_62: Final = _both("ITI-62", "Remove Metadata", PATIENT_RECORD, Action.DELETE)
ITI_64: Final = _both("ITI-64", "Notify XAD-PID Link Change", PATIENT_RECORD, Action.UPDATE)
ITI_81: Final = _both("ITI-81", "Retrieve ATNA Audit Event", AUDIT_LOG_USED, Action.READ)
ITI_82: Final = _both("ITI-82", "Retrieve Syslog Event", AUDIT_LOG_USED, Action.READ)
ITI_86: Final = _both("ITI-86", "Remove Documents", PATIENT_RECORD, Action.DELETE)
ITI_92: Final = _update("ITI-92", "Restricted Update Document Set")
