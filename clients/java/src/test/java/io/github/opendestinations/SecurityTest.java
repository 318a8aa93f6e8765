package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.TlsServerCredentials;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SecurityTest {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  @TempDir Path folder;

  /** Lets in who has the token that is wanted. */
  private static final class Gate implements ServerInterceptor {
    final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
    volatile String want;

    @Override
    public <A, B> ServerCall.Listener<A> interceptCall(
        ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
      String got = String.valueOf(headers.get(AUTHORIZATION));
      seen.add(got);
      if (want != null && !got.equals(want)) {
        call.close(Status.UNAUTHENTICATED.withDescription("not you"), new Metadata());
        return new ServerCall.Listener<>() {};
      }
      return next.startCall(call, headers);
    }
  }

  private Server serve(FakeService service, ServerCredentials credentials, Gate gate)
      throws Exception {
    return Grpc.newServerBuilderForPort(0, credentials)
        .addService(service)
        .intercept(gate)
        .build()
        .start();
  }

  @Test
  void tokens() throws Exception {
    Gate gate = new Gate();
    gate.want = "Bearer good";
    AtomicInteger asked = new AtomicInteger();
    try (FakeService service = new FakeService()) {
      Server server = serve(service, InsecureServerCredentials.create(), gate);
      String target = "localhost:" + server.getPort();
      Options renewed =
          Options.builder(target)
              .reconnect(Duration.ofMillis(1), Duration.ofMillis(10))
              .token(() -> asked.incrementAndGet() < 3 ? "old" : "good")
              .build();
      try (Client client = Client.connect(renewed)) {
        assertEquals("bkt", client.send().s3("bkt", "", "x").join().bucket());
      }
      assertEquals(List.of("Bearer old", "Bearer old", "Bearer good"), List.copyOf(gate.seen));
      Client client = Client.connect(Options.builder(target).token("old").build());
      Throwable e = SendTest.errorOf(client.send().s3("bkt", "", "x"));
      assertEquals("UNAUTHENTICATED", assertInstanceOf(ClientFailedException.class, e).code());
      assertTrue(!e.getMessage().contains("old"), e.getMessage());
      assertThrows(ClientFailedException.class, client::close);
      server.shutdownNow();
    }
  }

  @Test
  void aTokenThatNoHeaderCanSayIsAnErrorThatDoesNotShowIt() throws Exception {
    Gate gate = new Gate();
    gate.want = "Bearer good";
    List<Supplier<String>> tokens =
        List.of(
            () -> "secret\n",
            () -> null,
            () -> {
              throw new AssertionError("secret");
            });
    AtomicInteger asked = new AtomicInteger();
    try (FakeService service = new FakeService()) {
      Server server = serve(service, InsecureServerCredentials.create(), gate);
      String target = "localhost:" + server.getPort();
      Options options =
          Options.builder(target)
              .reconnect(Duration.ofMillis(1), Duration.ofMillis(10))
              .token(
                  () -> {
                    int i = asked.getAndIncrement();
                    return i < tokens.size() ? tokens.get(i).get() : "good";
                  })
              .build();
      try (Client client = Client.connect(options)) {
        assertEquals("bkt", client.send().s3("bkt", "", "x").join().bucket());
        assertEquals(3, client.stats().reconnects());
      }
      assertEquals(List.of("Bearer good"), List.copyOf(gate.seen));
      server.shutdownNow();
    }
    assertThrows(
        IllegalArgumentException.class, () -> Options.builder("localhost:1").token("secret\n"));
  }

  /** A key and its certificate, in PEM. */
  private record Identity(byte[] cert, byte[] key) {}

  private Identity identity(String name) throws Exception {
    Path store = folder.resolve(name + ".p12");
    String keytool =
        System.getProperty("java.home") + File.separator + "bin" + File.separator + "keytool";
    Process made =
        new ProcessBuilder(
                keytool,
                "-genkeypair",
                "-alias",
                "a",
                "-keyalg",
                "EC",
                "-dname",
                "CN=" + name,
                "-ext",
                "san=dns:localhost",
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
                "-keystore",
                store.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertEquals(0, made.waitFor());
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, "changeit".toCharArray());
    }
    byte[] key = keys.getKey("a", "changeit".toCharArray()).getEncoded();
    return new Identity(
        pem("CERTIFICATE", keys.getCertificate("a").getEncoded()), pem("PRIVATE KEY", key));
  }

  private static byte[] pem(String what, byte[] der) {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return ("-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n")
        .getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void tlsWithOwnRootsAndOwnCertificate() throws Exception {
    Identity us = identity("us");
    Identity them = identity("them");
    ServerCredentials mutual =
        TlsServerCredentials.newBuilder()
            .keyManager(new ByteArrayInputStream(them.cert), new ByteArrayInputStream(them.key))
            .trustManager(new ByteArrayInputStream(us.cert))
            .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
            .build();
    try (FakeService service = new FakeService()) {
      Server server = serve(service, mutual, new Gate());
      String target = "localhost:" + server.getPort();
      Options good =
          Options.builder(target).tlsCa(them.cert).tlsCert(us.cert, us.key).token("t").build();
      try (Client client = Client.connect(good)) {
        assertEquals("bkt", client.send().s3("bkt", "", "x").join().bucket());
      }
      Options stranger =
          Options.builder(target).tlsCa(them.cert).closeTimeout(Duration.ZERO).build();
      Client client = Client.connect(stranger);
      client.send().s3("bkt", "", "y");
      BufferFullTest.await(() -> client.stats().lastError().startsWith("UNAVAILABLE"));
      assertEquals(1, client.close(Duration.ZERO).events());
      assertEquals(List.of("x"), service.payloads());
      server.shutdownNow();
    }
  }
}
