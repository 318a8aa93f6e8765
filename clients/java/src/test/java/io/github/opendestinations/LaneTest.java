package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.github.opendestinations.v1.Rejection;
import io.github.opendestinations.v1.StreamS3Response;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LaneTest {
  private final Destination a = new Destination("bkt", "a");
  private final Destination b = new Destination("bkt", "b");
  private final Lane lane = new Lane(true, new Backoff(1, 1), 0);

  @BeforeEach
  void sendThree() {
    for (long sequence = 5; sequence <= 7; sequence++) {
      Request request = new Request(sequence, a);
      request.add(new EncodedEvent(a, new byte[1], 0, 1));
      lane.add(request);
      lane.poll();
    }
  }

  private static StreamS3Response answer(long sequence, String... prefixes) {
    StreamS3Response.Builder answer = StreamS3Response.newBuilder().setSequence(sequence);
    for (String prefix : prefixes) {
      answer.addReceipts(
          io.github.opendestinations.v1.Receipt.newBuilder()
              .setBucket("bkt")
              .setPrefix(prefix)
              .setToken(prefix + sequence));
    }
    return answer.build();
  }

  @Test
  void oneAnswerSettlesMany() {
    Settled settled = lane.answer(answer(6, "a/"), 0);
    assertEquals(List.of(5L, 6L), settled.requests().stream().map(r -> r.sequence).toList());
    assertEquals("a/6", settled.token(a));
    assertEquals("", settled.token(b));
  }

  @Test
  void receiptsOfARequestMayComeInSeveralAnswers() {
    assertEquals(0, lane.answer(answer(0, "a/"), 0).requests().size());
    Settled settled = lane.answer(answer(5, "b/"), 0);
    assertEquals("a/0", settled.token(a));
    assertEquals("b/5", settled.token(b));
    // The answer that settles 5 may have had the first receipts of 6.
    assertEquals("b/5", lane.answer(answer(6, "a/"), 0).token(b));
    assertEquals("", lane.answer(answer(7, "a/"), 0).token(b));
  }

  @Test
  void whatBreaksTheApiIsNoAnswer() {
    assertNull(lane.answer(answer(8), 0));
    assertNull(lane.answer(answer(4), 0));
    Rejection none = Rejection.newBuilder().setSequence(5).setRequestIndex(1).build();
    assertNull(lane.answer(StreamS3Response.newBuilder().addRejections(none).build(), 0));
    assertNotNull(lane.answer(answer(6), 0));
    assertNull(lane.answer(answer(5), 0));
  }

  @Test
  void whatHasNoAnswerIsSentAgainInOrder() {
    lane.answer(answer(5), 0);
    Request behind = new Request(9, a);
    lane.add(behind);
    lane.end();
    assertEquals(6, lane.poll().sequence);
    assertEquals(7, lane.poll().sequence);
    assertEquals(9, lane.poll().sequence);
  }
}
