package io.github.opendestinations;

import com.google.protobuf.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Makes the package's own types of the API's. */
final class DeliveryReader {
  private DeliveryReader() {}

  static Delivery read(io.github.opendestinations.v1.Delivery d) {
    List<DeliveredObject> objects =
        d.getObjectsList().stream().map(DeliveryReader::object).toList();
    Optional<Instant> nextTry =
        d.hasNextTry() ? Optional.of(instant(d.getNextTry())) : Optional.empty();
    return new Delivery(
        state(d.getState()), objects, d.getCode(), d.getMessage(), nextTry, d.getDetailsExpired());
  }

  private static DeliveredObject object(io.github.opendestinations.v1.DeliveredObject o) {
    return new DeliveredObject(o.getBucket(), o.getKey(), o.getEtag(), o.getSize(), o.getEvents());
  }

  private static Instant instant(Timestamp t) {
    return Instant.ofEpochSecond(t.getSeconds(), t.getNanos());
  }

  private static DeliveryState state(io.github.opendestinations.v1.DeliveryState state) {
    return switch (state) {
      case DELIVERY_STATE_PENDING -> DeliveryState.PENDING;
      case DELIVERY_STATE_UPLOADING -> DeliveryState.UPLOADING;
      case DELIVERY_STATE_BLOCKED -> DeliveryState.BLOCKED;
      case DELIVERY_STATE_PARTIAL -> DeliveryState.PARTIAL;
      case DELIVERY_STATE_DELIVERED -> DeliveryState.DELIVERED;
      case DELIVERY_STATE_DEAD -> DeliveryState.DEAD;
      default -> DeliveryState.UNKNOWN;
    };
  }
}
