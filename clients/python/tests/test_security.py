"""TLS, client certificates and tokens."""

import threading

import grpc
import pytest
import trustme

from open_destinations import ClientFailedError, InvalidOptionError, Options, Tls, connect

from .service import PATIENCE, End, Service, eventually

CA = trustme.CA()
SERVER = CA.issue_cert("localhost")
CLIENT = CA.issue_cert("client.example")
ROOTS = CA.cert_pem.bytes()


def pair(cert: trustme.LeafCert) -> tuple[bytes, bytes]:
    return cert.private_key_pem.bytes(), b"".join(c.bytes() for c in cert.cert_chain_pems)


def server(ask_client: bool) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials([pair(SERVER)], ROOTS, ask_client)


def assert_sends(service: Service, options: Options) -> None:
    with connect(service.target, **options) as client:
        client.send.s3(bucket="b", payload="x").result(PATIENCE)


def test_own_roots_and_a_token() -> None:
    with Service(credentials=server(False)) as service:
        assert_sends(service, {"tls": Tls(ca=ROOTS), "token": "secret"})
        assert service.seen[0].metadata["authorization"] == "Bearer secret"


def test_own_certificate() -> None:
    key, cert = pair(CLIENT)
    with Service(credentials=server(True)) as service:
        assert_sends(service, {"tls": Tls(ca=ROOTS, cert=cert, key=key)})
        client = connect(service.target, tls=Tls(ca=ROOTS), reconnect_initial=0.01)
        client.send.s3(bucket="b", payload="x")
        eventually(lambda: client.stats().reconnects > 1)
        assert client.close(0).events == 1


def test_credentials_of_grpc() -> None:
    with Service(credentials=server(False)) as service:
        assert_sends(service, {"credentials": grpc.ssl_channel_credentials(ROOTS)})


def test_a_token_that_is_refused_ends_the_client() -> None:
    end = End(0, 0, grpc.StatusCode.UNAUTHENTICATED)
    with Service([end]) as service:
        client = connect(service.target, token="secret")
        with pytest.raises(ClientFailedError) as caught:
            client.send.s3(bucket="b", payload="x").result(PATIENCE)
        assert "secret" not in str(caught.value)
        client.close()


def test_a_token_that_no_header_can_say() -> None:
    """As one that is read from a file, with the end of its line."""
    tokens = ["secret\n", "sécret", "secret"]
    with (
        Service() as service,
        connect(service.target, token=lambda: tokens.pop(0), reconnect_initial=0.01) as client,
    ):
        sent = client.send.s3(bucket="b", payload="x")
        eventually(lambda: client.stats().last_error)
        assert "secret" not in client.stats().last_error
        sent.result(PATIENCE)
        assert service.seen[0].metadata["authorization"] == "Bearer secret"
        assert client.stats().reconnects == 2
    with pytest.raises(InvalidOptionError, match="token") as caught:
        connect("localhost:1", token="secret\n")
    assert "secret" not in str(caught.value)


def test_a_token_that_does_not_come_does_not_hold_up_close() -> None:
    comes = threading.Event()

    def token() -> str:
        comes.wait(PATIENCE)
        return "secret"

    with Service() as service:
        client = connect(service.target, token=token)
        client.send.s3(bucket="b", payload="x")
        lane = client._sender.session.lanes()[0]
        assert client.close(0.01).events == 1
        assert lane.thread is not None
        assert lane.thread.is_alive()
        comes.set()
        lane.thread.join(PATIENCE)
        assert not lane.thread.is_alive()
        assert service.seen == []


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Tls(key=b"secret"))
