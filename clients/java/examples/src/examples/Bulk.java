package examples;

import io.github.opendestinations.Client;
import io.github.opendestinations.Options;
import io.github.opendestinations.Stats;
import io.github.opendestinations.WhenFull;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads a file, an event a line, of any size: when the buffer is full the reading waits for the
 * service. Each line has its number in the file as its id, so that a load that is begun again at
 * once leaves out what is there.
 */
public final class Bulk {
  private Bulk() {}

  /**
   * Loads the file.
   *
   * @param args where the service is, and the file
   */
  public static void main(String[] args) throws Exception {
    Path file = Path.of(args[1]);
    Options options =
        Options.builder(args[0])
            .maxBufferedBytes(8 << 20)
            .whenFull(WhenFull.WAIT)
            .maxStreams(1) // the lines keep their order
            .onRejected(error -> System.err.println("rejected: " + error.getMessage()))
            .build();
    Stats stats;
    try (Client client = Client.connect(options)) {
      load(file, client);
      client.flush();
      stats = client.stats();
    }
    System.out.println("accepted " + stats.accepted() + ", rejected " + stats.rejected());
    System.exit(stats.rejected() == 0 ? 0 : 1);
  }

  private static void load(Path file, Client client) throws Exception {
    long number = 0;
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String id = file.getFileName() + ":" + ++number;
        String text = line;
        client.send().s3(event -> event.bucket("workflows").prefix("bulk/").payload(text).id(id));
      }
    }
  }
}
