from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RejectionCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REJECTION_CODE_UNSPECIFIED: _ClassVar[RejectionCode]
    REJECTION_CODE_BUCKET_INVALID: _ClassVar[RejectionCode]
    REJECTION_CODE_PREFIX_INVALID: _ClassVar[RejectionCode]
    REJECTION_CODE_ID_TOO_LONG: _ClassVar[RejectionCode]
    REJECTION_CODE_PAYLOAD_EMPTY: _ClassVar[RejectionCode]
    REJECTION_CODE_PAYLOAD_TOO_LARGE: _ClassVar[RejectionCode]
    REJECTION_CODE_PAYLOAD_LINE_BREAK: _ClassVar[RejectionCode]
    REJECTION_CODE_PARTITION_UNAVAILABLE: _ClassVar[RejectionCode]
    REJECTION_CODE_DESTINATION_BLOCKED: _ClassVar[RejectionCode]
    REJECTION_CODE_DESTINATION_NOT_GRANTED: _ClassVar[RejectionCode]
    REJECTION_CODE_BUCKET_NOT_CONFIRMED: _ClassVar[RejectionCode]
REJECTION_CODE_UNSPECIFIED: RejectionCode
REJECTION_CODE_BUCKET_INVALID: RejectionCode
REJECTION_CODE_PREFIX_INVALID: RejectionCode
REJECTION_CODE_ID_TOO_LONG: RejectionCode
REJECTION_CODE_PAYLOAD_EMPTY: RejectionCode
REJECTION_CODE_PAYLOAD_TOO_LARGE: RejectionCode
REJECTION_CODE_PAYLOAD_LINE_BREAK: RejectionCode
REJECTION_CODE_PARTITION_UNAVAILABLE: RejectionCode
REJECTION_CODE_DESTINATION_BLOCKED: RejectionCode
REJECTION_CODE_DESTINATION_NOT_GRANTED: RejectionCode
REJECTION_CODE_BUCKET_NOT_CONFIRMED: RejectionCode

class SendS3Request(_message.Message):
    __slots__ = ("events", "bucket", "prefix", "sequence", "settled", "sender_id")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    SENDER_ID_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[S3Event]
    bucket: str
    prefix: str
    sequence: int
    settled: int
    sender_id: bytes
    def __init__(self, events: _Optional[_Iterable[_Union[S3Event, _Mapping]]] = ..., bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., sequence: _Optional[int] = ..., settled: _Optional[int] = ..., sender_id: _Optional[bytes] = ...) -> None: ...

class S3Event(_message.Message):
    __slots__ = ("id", "bucket", "prefix", "payload", "traceparent", "tracestate")
    ID_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    id: str
    bucket: str
    prefix: str
    payload: bytes
    traceparent: str
    tracestate: str
    def __init__(self, id: _Optional[str] = ..., bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., payload: _Optional[bytes] = ..., traceparent: _Optional[str] = ..., tracestate: _Optional[str] = ...) -> None: ...

class StreamS3Request(_message.Message):
    __slots__ = ("events", "bucket", "prefix", "sequence", "settled", "sender_id", "receipts")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    SENDER_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[S3Event]
    bucket: str
    prefix: str
    sequence: int
    settled: int
    sender_id: bytes
    receipts: bool
    def __init__(self, events: _Optional[_Iterable[_Union[S3Event, _Mapping]]] = ..., bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., sequence: _Optional[int] = ..., settled: _Optional[int] = ..., sender_id: _Optional[bytes] = ..., receipts: bool = ...) -> None: ...

class StreamS3Response(_message.Message):
    __slots__ = ("sequence", "accepted", "rejected", "rejections", "receipts")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    accepted: int
    rejected: int
    rejections: _containers.RepeatedCompositeFieldContainer[Rejection]
    receipts: _containers.RepeatedCompositeFieldContainer[Receipt]
    def __init__(self, sequence: _Optional[int] = ..., accepted: _Optional[int] = ..., rejected: _Optional[int] = ..., rejections: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ..., receipts: _Optional[_Iterable[_Union[Receipt, _Mapping]]] = ...) -> None: ...

class SendS3Response(_message.Message):
    __slots__ = ("accepted", "rejected", "rejections", "receipts", "receipts_omitted")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_OMITTED_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    rejected: int
    rejections: _containers.RepeatedCompositeFieldContainer[Rejection]
    receipts: _containers.RepeatedCompositeFieldContainer[Receipt]
    receipts_omitted: int
    def __init__(self, accepted: _Optional[int] = ..., rejected: _Optional[int] = ..., rejections: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ..., receipts: _Optional[_Iterable[_Union[Receipt, _Mapping]]] = ..., receipts_omitted: _Optional[int] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("index", "code", "field", "reason", "sequence", "request_index")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    code: RejectionCode
    field: str
    reason: str
    sequence: int
    request_index: int
    def __init__(self, index: _Optional[int] = ..., code: _Optional[_Union[RejectionCode, str]] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ..., sequence: _Optional[int] = ..., request_index: _Optional[int] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("bucket", "prefix", "accepted", "token")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    accepted: int
    token: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., accepted: _Optional[int] = ..., token: _Optional[str] = ...) -> None: ...
