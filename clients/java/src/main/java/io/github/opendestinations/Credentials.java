package io.github.opendestinations;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.regex.Pattern;

/** What a channel is secured with. */
final class Credentials {
  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|127(\\.\\d{1,3}){3}|::1", Pattern.CASE_INSENSITIVE);
  private static final Pattern SCHEME = Pattern.compile("^(dns|passthrough|ipv4|ipv6):(//[^/]*/)?");

  private Credentials() {}

  /** Throws an IllegalArgumentException about options that do not fit the target. */
  static ChannelCredentials of(String target, Options options) {
    boolean local = isLocal(target);
    ChannelCredentials credentials = options.credentials;
    if (credentials == null) {
      boolean plaintext = options.insecure || local && !options.tls;
      credentials = plaintext ? InsecureChannelCredentials.create() : tls(options);
    }
    if (options.token != null && !local && credentials instanceof InsecureChannelCredentials) {
      throw new IllegalArgumentException("token: is never sent in plaintext to another machine");
    }
    return credentials;
  }

  private static ChannelCredentials tls(Options options) {
    TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
    try {
      if (options.tlsCa != null) {
        tls.trustManager(new ByteArrayInputStream(options.tlsCa));
      }
      if (options.tlsCert != null) {
        tls.keyManager(
            new ByteArrayInputStream(options.tlsCert), new ByteArrayInputStream(options.tlsKey));
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("tls: can't be read", e);
    }
    return tls.build();
  }

  /** Whether a target is this machine, by its name alone. */
  static boolean isLocal(String target) {
    if (target.startsWith("unix:")) {
      return true;
    }
    String address = SCHEME.matcher(target).replaceFirst("");
    for (String one : address.split(",")) {
      if (!LOOPBACK.matcher(host(one)).matches()) {
        return false;
      }
    }
    return true;
  }

  private static String host(String address) {
    if (address.startsWith("[")) {
      int end = address.indexOf(']');
      return end < 0 ? address : address.substring(1, end);
    }
    int colon = address.lastIndexOf(':');
    return colon < 0 || address.indexOf(':') != colon ? address : address.substring(0, colon);
  }
}
