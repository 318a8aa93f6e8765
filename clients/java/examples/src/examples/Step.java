package examples;

import io.github.opendestinations.Client;
import java.util.List;
import java.util.Map;

/**
 * A step of a workflow: it sends in a loop, and on a condition, and goes on with its work
 * meanwhile.
 */
public final class Step {
  private Step() {}

  /** An order, as an earlier step gave it. */
  private record Order(int id, String customer, int total) {}

  private static final List<Order> ORDERS =
      List.of(new Order(1, "ann", 40), new Order(2, "bob", 990), new Order(3, "cyd", 250));

  /**
   * Runs the step.
   *
   * @param args where the service is
   */
  public static void main(String[] args) {
    try (Client client = Client.connect(args[0])) {
      run(client);
    } // closing waits until the service has everything on stable storage
    System.out.println("sent " + ORDERS.size() + " orders");
  }

  private static void run(Client client) {
    var $ = client;
    for (Order order : ORDERS) {
      $.send()
          .s3(
              event ->
                  event
                      .bucket("workflows")
                      .prefix("orders/")
                      .payload(order)
                      .id("run-7-" + order.id));
      if (order.total > 500) {
        $.send().s3("audit", "large-orders/", Map.of("order", order.id, "total", order.total));
      }
    }
  }
}
