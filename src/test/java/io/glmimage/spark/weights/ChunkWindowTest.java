package io.glmimage.spark.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The order of chunks, on a clock that the tests move. A sent chunk is its index as text. */
class ChunkWindowTest {
  private static final int CHUNKS = 8;
  private static final Duration SILENCE = Duration.ofSeconds(20);

  private long now = -5;
  private final ChunkWindow<String> window = new ChunkWindow<>(CHUNKS, SILENCE, () -> now);
  private final BitSet first = new BitSet();
  private final BitSet second = new BitSet();

  private void pass(Duration time) {
    now += time.toNanos();
  }

  /** Sends chunks while the window has room. */
  private void send() {
    for (int index = window.choose(); index >= 0; index = window.choose()) {
      window.sent(index, "" + index);
    }
  }

  /** Removes chunks that are no longer wanted, and sends the next ones. */
  private List<String> turn() {
    List<String> gone = window.retire(false);
    gone.forEach(chunk -> window.released());
    send();
    return gone;
  }

  /** Gives a node the chunk in flight that it lacks, and returns whether there was one. */
  private boolean receive(String node, BitSet have) {
    return window
        .ask(node, have)
        .map(
            chunk -> {
              have.set(chunk.index());
              window.ask(node, have);
              return true;
            })
        .orElse(false);
  }

  /** The first node has asked, and the time to gather nodes is over. */
  private void start() {
    window.ask("first", first);
    pass(ChunkWindow.GATHER);
  }

  @Test
  void theFirstChunkWaitsForOtherNodes() {
    window.ask("first", first);
    assertEquals(-1, window.choose());
    pass(ChunkWindow.GATHER.minusNanos(1));
    assertEquals(-1, window.choose());
    pass(Duration.ofNanos(1));
    assertEquals(0, window.choose());
  }

  @Test
  void aChunkStaysUntilEveryAskingNodeHasIt() {
    window.ask("second", second);
    start();
    send();
    assertTrue(receive("first", first));
    assertTrue(receive("first", first));
    assertEquals(List.of(), turn());
    assertTrue(window.ask("first", first).isEmpty());

    assertTrue(receive("second", second));
    assertEquals(List.of("0"), turn());
    assertEquals(2, window.ask("first", first).orElseThrow().index());
    assertEquals(ChunkWindow.SIZE, window.status().inFlightPeak());
  }

  @Test
  void theChunkToReadAheadIsTheOneThatIsChosenNext() {
    start();
    assertEquals(0, window.choose());
    assertEquals(1, window.following(0));
    window.sent(0, "0");
    first.set(0, CHUNKS - 1);
    window.ask("first", first);
    assertEquals(CHUNKS - 1, window.choose());
    assertEquals(-1, window.following(CHUNKS - 1), "no other chunk is wanted");
  }

  @Test
  void noChunkIsSentWhileARemovedOneIsInMemory() {
    start();
    send();
    first.set(0);
    window.ask("first", first);
    assertEquals(List.of("0"), window.retire(false));
    assertEquals(-1, window.choose());
    window.released();
    assertEquals(2, window.choose());
  }

  @Test
  void aNodeThatJoinsLateTakesTheCurrentChunksAndThenThoseItMissed() {
    start();
    send();
    for (int i = 0; i < 4; i++) {
      assertTrue(receive("first", first));
      turn();
    }
    assertEquals(4, window.ask("second", second).orElseThrow().index());
    while (first.cardinality() < CHUNKS) {
      receive("second", second);
      assertTrue(receive("first", first));
      turn();
    }
    assertTrue(window.leave("first"));
    while (receive("second", second)) {
      turn();
    }
    assertEquals(CHUNKS, second.cardinality());
    assertEquals(CHUNKS + 4, window.status().sent());
    assertEquals(4, window.status().repeated());
  }

  @Test
  void aSilentNodeHoldsNothingBackAndMayComeBack() {
    window.ask("second", second);
    start();
    send();
    pass(SILENCE.minus(ChunkWindow.GATHER));
    receive("first", first);
    receive("first", first);
    assertEquals(List.of(), turn());
    pass(Duration.ofNanos(1));
    assertEquals(List.of("0", "1"), turn());
    assertEquals(1, window.nodes());
    assertEquals(2, window.ask("second", second).orElseThrow().index());
    assertEquals(2, window.nodes());
  }

  @Test
  void aNodeThatSaysItIsAliveIsNotSilent() {
    window.ask("second", second);
    start();
    send();
    pass(SILENCE.minus(ChunkWindow.GATHER));
    receive("first", first);
    window.alive("second");
    pass(SILENCE);
    assertEquals(List.of(), turn());
    assertEquals(2, window.nodes());
  }

  @Test
  void aSlowNodeLosesItsChunkAndGetsItAgain() {
    window.ask("second", second);
    start();
    send();
    receive("first", first);
    for (Duration past = Duration.ZERO;
        past.compareTo(ChunkWindow.SLOW) < 0;
        past = past.plus(SILENCE)) {
      pass(SILENCE);
      window.alive("first");
      window.alive("second");
      assertEquals(List.of(), turn());
    }
    pass(Duration.ofNanos(1));
    assertEquals(List.of("0"), turn());
    assertEquals(List.of(1, 2), inFlight());
    while (first.cardinality() < CHUNKS || second.cardinality() < CHUNKS) {
      boolean some = receive("first", first);
      some |= receive("second", second);
      assertTrue(some);
      turn();
    }
    assertEquals(1, window.status().repeated());
  }

  private List<Integer> inFlight() {
    BitSet have = new BitSet();
    int one = window.ask("probe", have).orElseThrow().index();
    have.set(one);
    int two = window.ask("probe", have).orElseThrow().index();
    window.leave("probe");
    return List.of(one, two);
  }

  @Test
  void closingRemovesEveryChunk() {
    start();
    send();
    assertEquals(List.of("0", "1"), window.retire(true));
  }
}
