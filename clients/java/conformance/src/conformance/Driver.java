package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Does with the package what the conformance runner says: see clients/conformance/README.md. */
public final class Driver {
  static final ObjectMapper JSON = new ObjectMapper();

  private Driver() {}

  /**
   * Reads commands until its input ends.
   *
   * @param args none
   */
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err); // what a library prints is no answer
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, e) -> {
          e.printStackTrace();
          Runtime.getRuntime().halt(3);
        });
    write(
        out,
        JSON.createObjectNode()
            .put("ready", true)
            .put("language", "java")
            .put("api", "")
            .set("capabilities", JSON.createArrayNode()));
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Commands commands = new Commands();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      write(out, answer(commands, JSON.readTree(line)));
    }
    System.exit(0); // clients that were left open keep nothing alive, and are nobody's any more
  }

  private static ObjectNode answer(Commands commands, JsonNode command) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", command.path("id"));
    try {
      commands.run(command, answer);
      answer.put("ok", true);
    } catch (Exception e) {
      answer.put("ok", false).set("error", Errors.describe(e));
    }
    return answer;
  }

  private static void write(PrintStream out, JsonNode answer) throws IOException {
    out.println(JSON.writeValueAsString(answer));
    out.flush();
  }
}
