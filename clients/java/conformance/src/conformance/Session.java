package conformance;

import io.github.opendestinations.Client;
import io.github.opendestinations.Receipt;
import io.github.opendestinations.Send;
import java.util.ArrayList;
import java.util.List;

/** A client that the runner has opened. */
final class Session {
  private static final int MOST_ASKED = 100;

  final Client client;
  final Counts later = new Counts(); // of what was sent without waiting
  final List<Receipt> kept = new ArrayList<>(); // guarded by itself
  private final Send[] facades;

  Session(Client client) {
    this.client = client;
    this.facades = new Send[] {client.send(), client.send()};
  }

  Send facade(int index) {
    return facades[index];
  }

  void keep(Receipt receipt) {
    synchronized (kept) {
      kept.add(receipt);
    }
  }

  /** Those that are asked for deliveries. */
  List<Receipt> asked() {
    synchronized (kept) {
      return List.copyOf(kept.subList(0, Math.min(MOST_ASKED, kept.size())));
    }
  }
}
