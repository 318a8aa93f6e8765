package io.github.opendestinations;

import io.github.opendestinations.v1.StreamS3Response;
import java.util.List;

/** Takes what the streams tell, in gRPC's threads. */
final class Answers implements StreamCall.Owner {
  private final SenderState state;

  Answers(SenderState state) {
    this.state = state;
  }

  @Override
  public void onReady() {
    state.lock.lock();
    try {
      state.work.signal();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void onAnswer(StreamCall call, StreamS3Response answer) {
    state.lock.lock();
    try {
      if (call.lane.call != call) {
        return; // its end was told, or is not waited for
      }
      Settled result = call.lane.answer(answer, System.nanoTime());
      if (result == null) {
        state.fail(
            new ClientFailedException("INTERNAL", "", "an answer is not one to what was sent"));
        return;
      }
      state.lastError = "";
      settle(result);
    } finally {
      state.lock.unlock();
    }
  }

  private void settle(Settled result) {
    for (Request request : result.requests()) {
      request.answered = true;
      int refused = request.rejections().size();
      state.rejected += refused;
      state.accepted += request.events() - refused;
      state.buffer.release(request.events(), request.counted());
    }
    while (!state.unanswered.isEmpty() && state.unanswered.peek().answered) {
      state.settled = state.unanswered.poll().sequence;
    }
    if (!result.requests().isEmpty()) {
      long upTo = state.settled;
      state.completions.settle(result, state.connection.deliveries(), () -> complete(upTo));
    }
    state.wakeAll();
  }

  private void complete(long upTo) {
    state.lock.lock();
    try {
      state.completed = upTo;
      state.progress.signalAll();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void onEnd(StreamCall call, StreamEnd end) {
    state.lock.lock();
    try {
      Lane lane = call.lane;
      if (lane.call != call) {
        return;
      }
      if (!end.status().isOk() || !lane.isEmpty()) {
        state.lastError = end.toString();
      }
      state.lanes.end(lane, end, System.nanoTime());
      switch (end.remedy(state.options.tokenRenews)) {
        case RECONNECT -> {}
        case LEAVE_OUT -> leaveOut(lane, end);
        case FAIL -> state.fail(end.failure());
      }
      state.work.signal();
    } finally {
      state.lock.unlock();
    }
  }

  /**
   * Fails the events of the request that must have been too large, which is sent as an empty one
   * then.
   */
  private void leaveOut(Lane lane, StreamEnd end) {
    Request largest = lane.largest();
    if (largest == null) {
      state.fail(end.failure());
      return;
    }
    state.buffer.release(largest.events(), largest.counted());
    List<PendingReceipt> out = lane.leaveOut(largest);
    state.rejected += out.size();
    RejectedException why = new RejectedException("REQUEST_TOO_LARGE", "payload", end.message());
    state.completions.fail(out, why, () -> {});
    state.wakeAll();
  }
}
