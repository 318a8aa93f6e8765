import datetime

from . import operations_pb2 as _operations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeliveryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATE_UNSPECIFIED: _ClassVar[DeliveryState]
    DELIVERY_STATE_PENDING: _ClassVar[DeliveryState]
    DELIVERY_STATE_UPLOADING: _ClassVar[DeliveryState]
    DELIVERY_STATE_BLOCKED: _ClassVar[DeliveryState]
    DELIVERY_STATE_PARTIAL: _ClassVar[DeliveryState]
    DELIVERY_STATE_DELIVERED: _ClassVar[DeliveryState]
    DELIVERY_STATE_DEAD: _ClassVar[DeliveryState]
DELIVERY_STATE_UNSPECIFIED: DeliveryState
DELIVERY_STATE_PENDING: DeliveryState
DELIVERY_STATE_UPLOADING: DeliveryState
DELIVERY_STATE_BLOCKED: DeliveryState
DELIVERY_STATE_PARTIAL: DeliveryState
DELIVERY_STATE_DELIVERED: DeliveryState
DELIVERY_STATE_DEAD: DeliveryState

class GetDeliveryRequest(_message.Message):
    __slots__ = ("tokens",)
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tokens: _Optional[_Iterable[str]] = ...) -> None: ...

class GetDeliveryResponse(_message.Message):
    __slots__ = ("deliveries", "destinations", "destinations_delivered")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_DELIVERED_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    destinations: int
    destinations_delivered: int
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ..., destinations: _Optional[int] = ..., destinations_delivered: _Optional[int] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("token", "destination", "state", "objects", "objects_omitted", "code", "message", "next_try", "details_expired")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_OMITTED_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRY_FIELD_NUMBER: _ClassVar[int]
    DETAILS_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    token: str
    destination: _operations_pb2.Destination
    state: DeliveryState
    objects: _containers.RepeatedCompositeFieldContainer[DeliveredObject]
    objects_omitted: int
    code: str
    message: str
    next_try: _timestamp_pb2.Timestamp
    details_expired: bool
    def __init__(self, token: _Optional[str] = ..., destination: _Optional[_Union[_operations_pb2.Destination, _Mapping]] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., objects: _Optional[_Iterable[_Union[DeliveredObject, _Mapping]]] = ..., objects_omitted: _Optional[int] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., next_try: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., details_expired: bool = ...) -> None: ...

class DeliveredObject(_message.Message):
    __slots__ = ("bucket", "key", "etag", "size", "events", "raw_bytes", "delivered_at")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    RAW_BYTES_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_AT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    key: str
    etag: str
    size: int
    events: int
    raw_bytes: int
    delivered_at: _timestamp_pb2.Timestamp
    def __init__(self, bucket: _Optional[str] = ..., key: _Optional[str] = ..., etag: _Optional[str] = ..., size: _Optional[int] = ..., events: _Optional[int] = ..., raw_bytes: _Optional[int] = ..., delivered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeliveryRecord(_message.Message):
    __slots__ = ("destination", "state", "object", "partition", "first_received", "last_received", "sealed_at", "attempts", "last_error")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    FIRST_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    LAST_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    SEALED_AT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    destination: _operations_pb2.Destination
    state: DeliveryState
    object: DeliveredObject
    partition: int
    first_received: _timestamp_pb2.Timestamp
    last_received: _timestamp_pb2.Timestamp
    sealed_at: _timestamp_pb2.Timestamp
    attempts: int
    last_error: str
    def __init__(self, destination: _Optional[_Union[_operations_pb2.Destination, _Mapping]] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., object: _Optional[_Union[DeliveredObject, _Mapping]] = ..., partition: _Optional[int] = ..., first_received: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_received: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sealed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempts: _Optional[int] = ..., last_error: _Optional[str] = ...) -> None: ...

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "since", "until", "state", "page_size", "page_token", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    state: DeliveryState
    page_size: int
    page_token: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "next_page_token")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[DeliveryRecord]
    next_page_token: str
    def __init__(self, deliveries: _Optional[_Iterable[_Union[DeliveryRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchDeliveriesRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "state", "cursor", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    state: DeliveryState
    cursor: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., cursor: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class WatchDeliveriesResponse(_message.Message):
    __slots__ = ("delivery", "cursor")
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    delivery: DeliveryRecord
    cursor: str
    def __init__(self, delivery: _Optional[_Union[DeliveryRecord, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...

class GetFreshnessRequest(_message.Message):
    __slots__ = ("bucket", "prefix", "tenant")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    prefix: str
    tenant: str
    def __init__(self, bucket: _Optional[str] = ..., prefix: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class GetFreshnessResponse(_message.Message):
    __slots__ = ("oldest_event_age", "backlog_events", "backlog_bytes", "state", "last_delivered_at")
    OLDEST_EVENT_AGE_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_EVENTS_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LAST_DELIVERED_AT_FIELD_NUMBER: _ClassVar[int]
    oldest_event_age: _duration_pb2.Duration
    backlog_events: int
    backlog_bytes: int
    state: _operations_pb2.DestinationState
    last_delivered_at: _timestamp_pb2.Timestamp
    def __init__(self, oldest_event_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., backlog_events: _Optional[int] = ..., backlog_bytes: _Optional[int] = ..., state: _Optional[_Union[_operations_pb2.DestinationState, str]] = ..., last_delivered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
