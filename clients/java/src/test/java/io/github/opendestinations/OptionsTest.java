package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.InsecureChannelCredentials;
import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class OptionsTest {
  private static String refusal(String target, Consumer<Options.Builder> set) {
    return assertThrows(
            IllegalArgumentException.class,
            () -> {
              Options.Builder builder = Options.builder(target);
              set.accept(builder);
              Client.connect(builder.build()).close();
            })
        .getMessage();
  }

  @Test
  void whatIsOutOfRangeIsNamed() {
    String here = "localhost:1";
    assertEquals("target: is required", refusal("", b -> {}));
    assertEquals("target: is required", refusal(null, b -> {}));
    assertEquals(
        "maxBufferedBytes: is -1, must be 1 or more", refusal(here, b -> b.maxBufferedBytes(-1)));
    assertEquals(
        "batchBytes: is 4194305, must be 1 to 4194304",
        refusal(here, b -> b.batchBytes((4 << 20) + 1)));
    assertEquals(
        "batchDelay: is PT-1S, must be 0 or more",
        refusal(here, b -> b.batchDelay(Duration.ofSeconds(-1))));
    assertEquals("maxStreams: is 0, must be 1 to 64", refusal(here, b -> b.maxStreams(0)));
    assertEquals(
        "blockTimeout: is 0, must be more", refusal(here, b -> b.blockTimeout(Duration.ZERO)));
    assertEquals("whenFull: is null", refusal(here, b -> b.whenFull(null)));
    assertTrue(
        refusal(here, b -> b.keepalive(Duration.ofSeconds(9), Duration.ofSeconds(1)))
            .startsWith("keepaliveTime: "));
    assertTrue(
        refusal(here, b -> b.reconnect(Duration.ofSeconds(2), Duration.ofSeconds(1)))
            .startsWith("reconnectMax: "));
    assertEquals(
        "closeTimeout: is null, must be 0 or more", refusal(here, b -> b.closeTimeout(null)));
  }

  @Test
  void whatContradictsIsNamed() {
    String far = "example.com:443";
    assertEquals("insecure: contradicts tls", refusal(far, b -> b.insecure().tls()));
    assertEquals(
        "credentials: contradicts insecure and tls",
        refusal(far, b -> b.credentials(InsecureChannelCredentials.create()).tls()));
    String plain = "token: is never sent in plaintext to another machine";
    assertEquals(plain, refusal(far, b -> b.insecure().token("secret")));
    assertEquals(
        plain,
        refusal(far, b -> b.credentials(InsecureChannelCredentials.create()).token("secret")));
    assertEquals("token: is not of visible ASCII characters", refusal(far, b -> b.token("")));
  }

  @Test
  void optionsShowNoSecret() {
    assertFalse(
        Options.builder("localhost:1").token("secret").build().toString().contains("secret"));
  }

  @Test
  void thisMachine() {
    String[] here = {
      "localhost:50051",
      "LOCALHOST",
      "127.0.0.1:1",
      "127.9.9.9:1",
      "[::1]:50051",
      "::1",
      "unix:/run/x",
      "unix:///run/x",
      "dns:///localhost:50051",
      "dns://1.1.1.1/localhost:5",
      "ipv4:127.0.0.1:50051",
      "ipv6:[::1]:50051",
      "ipv4:127.0.0.1:1,127.0.0.2:1"
    };
    for (String target : here) {
      assertTrue(Credentials.isLocal(target), target);
    }
    String[] far = {
      "example.com:443",
      "localhost.example.com:1",
      "10.0.0.1:1",
      "[::2]:1",
      "dns:///example.com",
      "1270.0.0.1:1",
      "ipv4:127.0.0.1:1,10.0.0.1:1",
      "xds:///localhost"
    };
    for (String target : far) {
      assertFalse(Credentials.isLocal(target), target);
    }
  }
}
