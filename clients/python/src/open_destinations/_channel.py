"""Makes gRPC channels and what goes with each call."""

from __future__ import annotations

import grpc

from ._ending import Ending
from .options import Settings, is_token

_MIN_CONNECT = 5.0  # s that one try to connect may take at least
_MAX_ANSWER = 16 << 20  # bytes


def open_channel(target: str, settings: Settings) -> grpc.Channel:
    """A channel of its own connection; it connects when it is needed."""
    options = _options(settings)
    if settings.credentials is not None:
        return grpc.secure_channel(target, settings.credentials, options)
    if settings.plaintext(target):
        return grpc.insecure_channel(target, options)
    tls = settings.tls
    if tls is None:
        credentials = grpc.ssl_channel_credentials()
    else:
        credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.cert)
    return grpc.secure_channel(target, credentials, options)


def _options(settings: Settings) -> list[tuple[str, int]]:
    most = settings.reconnect_max
    return [
        ("grpc.use_local_subchannel_pool", 1),  # what closes with the channel, and never meets a fork
        ("grpc.enable_retries", 0),
        ("grpc.max_receive_message_length", _MAX_ANSWER),
        ("grpc.initial_reconnect_backoff_ms", _ms(settings.reconnect_initial)),
        ("grpc.min_reconnect_backoff_ms", _ms(max(most, _MIN_CONNECT))),
        ("grpc.max_reconnect_backoff_ms", _ms(most)),
        ("grpc.keepalive_time_ms", _ms(settings.keepalive_time)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout)),
        ("grpc.http2.max_pings_without_data", 0),
    ]


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def metadata(settings: Settings) -> list[tuple[str, str]] | Ending:
    """What goes with each call, or why there is no token for it. Waits for the token's
    function."""
    token: object = settings.token
    if token is None:
        return []
    if callable(token):
        try:
            token = token()
        except Exception as error:  # its words may be secret
            return Ending("UNAUTHENTICATED", "", f"token: the function raised {type(error).__name__}")
    if not is_token(token):  # gRPC's own refusal would show it
        return Ending("UNAUTHENTICATED", "", "token: the function did not give visible ASCII characters")
    return [("authorization", f"Bearer {token}")]
