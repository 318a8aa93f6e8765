import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DestinationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DESTINATION_STATE_UNSPECIFIED: _ClassVar[DestinationState]
    DESTINATION_STATE_ACTIVE: _ClassVar[DestinationState]
    DESTINATION_STATE_RETRYING: _ClassVar[DestinationState]
    DESTINATION_STATE_BLOCKED: _ClassVar[DestinationState]
    DESTINATION_STATE_CATCHING_UP: _ClassVar[DestinationState]
    DESTINATION_STATE_UNCONFIRMED: _ClassVar[DestinationState]

class Shared(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHARED_UNSPECIFIED: _ClassVar[Shared]
    SHARED_ENDPOINT: _ClassVar[Shared]
    SHARED_CREDENTIALS: _ClassVar[Shared]

class CheckStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_STEP_UNSPECIFIED: _ClassVar[CheckStep]
    CHECK_STEP_CREDENTIALS: _ClassVar[CheckStep]
    CHECK_STEP_LOCATION: _ClassVar[CheckStep]
    CHECK_STEP_OWNERSHIP: _ClassVar[CheckStep]
    CHECK_STEP_LIST: _ClassVar[CheckStep]
    CHECK_STEP_CREATE: _ClassVar[CheckStep]
    CHECK_STEP_ACL: _ClassVar[CheckStep]
    CHECK_STEP_TAGS: _ClassVar[CheckStep]
    CHECK_STEP_KMS: _ClassVar[CheckStep]
    CHECK_STEP_ABORT: _ClassVar[CheckStep]

class CheckOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_OUTCOME_UNSPECIFIED: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_WORKS: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_WARNS: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_FAILS: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_UNKNOWN: _ClassVar[CheckOutcome]

class PolicyPlace(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POLICY_PLACE_UNSPECIFIED: _ClassVar[PolicyPlace]
    POLICY_PLACE_BUCKET: _ClassVar[PolicyPlace]
    POLICY_PLACE_KEY: _ClassVar[PolicyPlace]
DESTINATION_STATE_UNSPECIFIED: DestinationState
DESTINATION_STATE_ACTIVE: DestinationState
DESTINATION_STATE_RETRYING: DestinationState
DESTINATION_STATE_BLOCKED: DestinationState
DESTINATION_STATE_CATCHING_UP: DestinationState
DESTINATION_STATE_UNCONFIRMED: DestinationState
SHARED_UNSPECIFIED: Shared
SHARED_ENDPOINT: Shared
SHARED_CREDENTIALS: Shared
CHECK_STEP_UNSPECIFIED: CheckStep
CHECK_STEP_CREDENTIALS: CheckStep
CHECK_STEP_LOCATION: CheckStep
CHECK_STEP_OWNERSHIP: CheckStep
CHECK_STEP_LIST: CheckStep
CHECK_STEP_CREATE: CheckStep
CHECK_STEP_ACL: CheckStep
CHECK_STEP_TAGS: CheckStep
CHECK_STEP_KMS: CheckStep
CHECK_STEP_ABORT: CheckStep
CHECK_OUTCOME_UNSPECIFIED: CheckOutcome
CHECK_OUTCOME_WORKS: CheckOutcome
CHECK_OUTCOME_WARNS: CheckOutcome
CHECK_OUTCOME_FAILS: CheckOutcome
CHECK_OUTCOME_UNKNOWN: CheckOutcome
POLICY_PLACE_UNSPECIFIED: PolicyPlace
POLICY_PLACE_BUCKET: PolicyPlace
POLICY_PLACE_KEY: PolicyPlace

class FlushRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "all_prefixes", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    ALL_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    all_prefixes: bool
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., all_prefixes: bool = ..., tenant: _Optional[str] = ...) -> None: ...

class FlushResponse(_message.Message):
    __slots__ = ("batches",)
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    batches: int
    def __init__(self, batches: _Optional[int] = ...) -> None: ...

class ListDestinationsRequest(_message.Message):
    __slots__ = ("state", "tenant")
    STATE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    state: DestinationState
    tenant: str
    def __init__(self, state: _Optional[_Union[DestinationState, str]] = ..., tenant: _Optional[str] = ...) -> None: ...

class ListDestinationsResponse(_message.Message):
    __slots__ = ("destination", "shared", "closed_partition", "state", "since", "code", "message", "backlog_events", "backlog_bytes", "oldest_event_age", "next_try", "by_hand", "parked_events", "dead_events", "over_quota", "waiting_destinations", "region", "diagnosis", "tenant")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_PARTITION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_EVENTS_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    OLDEST_EVENT_AGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRY_FIELD_NUMBER: _ClassVar[int]
    BY_HAND_FIELD_NUMBER: _ClassVar[int]
    PARKED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    DEAD_EVENTS_FIELD_NUMBER: _ClassVar[int]
    OVER_QUOTA_FIELD_NUMBER: _ClassVar[int]
    WAITING_DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    destination: Destination
    shared: Shared
    closed_partition: ClosedPartition
    state: DestinationState
    since: _timestamp_pb2.Timestamp
    code: str
    message: str
    backlog_events: int
    backlog_bytes: int
    oldest_event_age: _duration_pb2.Duration
    next_try: _timestamp_pb2.Timestamp
    by_hand: bool
    parked_events: int
    dead_events: int
    over_quota: bool
    waiting_destinations: int
    region: str
    diagnosis: Diagnosis
    tenant: str
    def __init__(self, destination: _Optional[_Union[Destination, _Mapping]] = ..., shared: _Optional[_Union[Shared, str]] = ..., closed_partition: _Optional[_Union[ClosedPartition, _Mapping]] = ..., state: _Optional[_Union[DestinationState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., backlog_events: _Optional[int] = ..., backlog_bytes: _Optional[int] = ..., oldest_event_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., next_try: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., by_hand: bool = ..., parked_events: _Optional[int] = ..., dead_events: _Optional[int] = ..., over_quota: bool = ..., waiting_destinations: _Optional[int] = ..., region: _Optional[str] = ..., diagnosis: _Optional[_Union[Diagnosis, _Mapping]] = ..., tenant: _Optional[str] = ...) -> None: ...

class Destination(_message.Message):
    __slots__ = ("bucket", "prefix", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class ClosedPartition(_message.Message):
    __slots__ = ("partition", "file", "offset")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    partition: int
    file: str
    offset: int
    def __init__(self, partition: _Optional[int] = ..., file: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class RedriveRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class RedriveResponse(_message.Message):
    __slots__ = ("destinations", "batches", "events")
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    destinations: int
    batches: int
    events: int
    def __init__(self, destinations: _Optional[int] = ..., batches: _Optional[int] = ..., events: _Optional[int] = ...) -> None: ...

class ListDeadRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class ListDeadResponse(_message.Message):
    __slots__ = ("destination", "key", "events", "size", "sha256", "reason", "since")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    destination: Destination
    key: str
    events: int
    size: int
    sha256: bytes
    reason: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, destination: _Optional[_Union[Destination, _Mapping]] = ..., key: _Optional[str] = ..., events: _Optional[int] = ..., size: _Optional[int] = ..., sha256: _Optional[bytes] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExportDeadRequest(_message.Message):
    __slots__ = ("bucket", "key", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    key: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., key: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class ExportDeadResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class DiscardDeadRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "key", "events", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    key: str
    events: int
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., key: _Optional[str] = ..., events: _Optional[int] = ..., tenant: _Optional[str] = ...) -> None: ...

class DiscardDeadResponse(_message.Message):
    __slots__ = ("batches", "events")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    batches: int
    events: int
    def __init__(self, batches: _Optional[int] = ..., events: _Optional[int] = ...) -> None: ...

class CheckDestinationRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "tenant", "role_arn")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ROLE_ARN_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    tenant: str
    role_arn: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., tenant: _Optional[str] = ..., role_arn: _Optional[str] = ...) -> None: ...

class CheckDestinationResponse(_message.Message):
    __slots__ = ("diagnosis",)
    DIAGNOSIS_FIELD_NUMBER: _ClassVar[int]
    diagnosis: Diagnosis
    def __init__(self, diagnosis: _Optional[_Union[Diagnosis, _Mapping]] = ...) -> None: ...

class Diagnosis(_message.Message):
    __slots__ = ("outcome", "steps", "checked_at", "region", "leftover_key")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    CHECKED_AT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    LEFTOVER_KEY_FIELD_NUMBER: _ClassVar[int]
    outcome: CheckOutcome
    steps: _containers.RepeatedCompositeFieldContainer[DiagnosisStep]
    checked_at: _timestamp_pb2.Timestamp
    region: str
    leftover_key: str
    def __init__(self, outcome: _Optional[_Union[CheckOutcome, str]] = ..., steps: _Optional[_Iterable[_Union[DiagnosisStep, _Mapping]]] = ..., checked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., region: _Optional[str] = ..., leftover_key: _Optional[str] = ...) -> None: ...

class DiagnosisStep(_message.Message):
    __slots__ = ("step", "outcome", "code", "message", "request_id", "missing", "denied")
    STEP_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    step: CheckStep
    outcome: CheckOutcome
    code: str
    message: str
    request_id: str
    missing: _containers.RepeatedCompositeFieldContainer[MissingAction]
    denied: bool
    def __init__(self, step: _Optional[_Union[CheckStep, str]] = ..., outcome: _Optional[_Union[CheckOutcome, str]] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., request_id: _Optional[str] = ..., missing: _Optional[_Iterable[_Union[MissingAction, _Mapping]]] = ..., denied: bool = ...) -> None: ...

class MissingAction(_message.Message):
    __slots__ = ("action", "place", "statement")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    action: str
    place: PolicyPlace
    statement: str
    def __init__(self, action: _Optional[str] = ..., place: _Optional[_Union[PolicyPlace, str]] = ..., statement: _Optional[str] = ...) -> None: ...

class ConfirmBucketRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "tenant", "content")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    tenant: str
    content: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., tenant: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class ConfirmBucketResponse(_message.Message):
    __slots__ = ("key", "confirmed", "since", "needed")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    key: str
    confirmed: bool
    since: _timestamp_pb2.Timestamp
    needed: bool
    def __init__(self, key: _Optional[str] = ..., confirmed: bool = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., needed: bool = ...) -> None: ...

class GetEgressAddressesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEgressAddressesResponse(_message.Message):
    __slots__ = ("addresses",)
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, addresses: _Optional[_Iterable[str]] = ...) -> None: ...
