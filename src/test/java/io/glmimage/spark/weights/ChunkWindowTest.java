package io.glmimage.spark.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The order of chunks, on a clock that the tests move. A sent chunk is its index as text. */
class ChunkWindowTest {
  private static final int CHUNKS = 8;
  private static final int SIZE = 2;
  private static final ChunkPeer DRIVER = new ChunkPeer("driver", 1, "driver");
  private static final BitSet NONE = new BitSet();
  private static final Duration SILENCE = Duration.ofSeconds(20);

  private long now = -5;
  private final ChunkWindow<String> window =
      new ChunkWindow<>(CHUNKS, SIZE, DRIVER, SILENCE, () -> now);
  private final BitSet first = new BitSet();
  private final BitSet second = new BitSet();

  private static WeightsQuestion.Next question(String node, BitSet have, BitSet busy) {
    return new WeightsQuestion.Next(
        node, peer(node), (BitSet) have.clone(), (BitSet) busy.clone(), NONE, false);
  }

  private static ChunkPeer peer(String node) {
    return new ChunkPeer(node, 1, node);
  }

  /** Asks without a chunk that is being fetched. */
  private Optional<ChunkWindow.Offer<String>> ask(String node, BitSet have) {
    return window.ask(question(node, have, NONE));
  }

  /** Tells which chunks a node has. The node has no time for another. */
  private void tell(String node, BitSet have) {
    BitSet busy = new BitSet();
    busy.set(0, CHUNKS);
    busy.andNot(have);
    assertTrue(window.ask(question(node, have, busy)).isEmpty());
  }

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
    Optional<ChunkWindow.Offer<String>> offer = ask(node, have);
    offer.ifPresent(chunk -> have.set(chunk.index()));
    tell(node, have);
    return offer.isPresent();
  }

  /** The first node has asked, and the time to gather nodes is over. */
  private void start() {
    ask("first", first);
    pass(ChunkWindow.GATHER);
  }

  @Test
  void theFirstChunkWaitsForOtherNodes() {
    ask("first", first);
    assertEquals(-1, window.choose());
    pass(ChunkWindow.GATHER.minusNanos(1));
    assertEquals(-1, window.choose());
    pass(Duration.ofNanos(1));
    assertEquals(0, window.choose());
  }

  @Test
  void aChunkStaysUntilEveryAskingNodeHasIt() {
    ask("second", second);
    start();
    send();
    assertTrue(receive("first", first));
    assertTrue(receive("first", first));
    assertEquals(List.of(), turn());
    assertTrue(ask("first", first).isEmpty());

    assertTrue(receive("second", second));
    assertEquals(List.of("0"), turn());
    assertEquals(2, ask("first", first).orElseThrow().index());
    assertEquals(SIZE, window.status().inFlightPeak());
  }

  @Test
  void chunksThatAreBeingReadCountAsInFlight() {
    start();
    assertEquals(0, window.choose());
    assertEquals(1, window.choose());
    assertEquals(-1, window.choose());
    window.sent(1, "1");
    assertEquals(-1, window.choose());
    assertEquals(1, ask("first", first).orElseThrow().index());
    assertEquals(SIZE, window.status().inFlightPeak());
  }

  @Test
  void aNodeGetsTheChunkThatTheFewestHaveAndFetchesItFromTheNodeThatOffersIt() {
    tell("second", second);
    start();
    send();
    ChunkWindow.Offer<String> offer = ask("first", first).orElseThrow();
    assertEquals(0, offer.index());
    assertEquals(DRIVER, offer.holder());
    assertTrue(offer.offer());
    assertEquals(1, ask("second", second).orElseThrow().index());

    first.set(0);
    offer = window.ask(offering("first", first)).orElse(null);
    assertNull(offer, "the second node is fetching chunk 1 from the driver");
    second.set(1);
    offer = window.ask(offering("second", second)).orElseThrow();
    assertEquals(0, offer.index());
    assertEquals(peer("first"), offer.holder());
    offer = window.ask(offering("first", first)).orElseThrow();
    assertEquals(1, offer.index());
    assertEquals(peer("second"), offer.holder());
    offer =
        window
            .ask(new WeightsQuestion.Next("second", peer("second"), second, NONE, NONE, true))
            .orElseThrow();
    assertEquals(DRIVER, offer.holder(), "the other node's copy was lost");
    assertEquals(2, window.status().fromNodes());
  }

  /** A question of a node that offers the chunks that it has. */
  private static WeightsQuestion.Next offering(String node, BitSet have) {
    BitSet offered = (BitSet) have.clone();
    return new WeightsQuestion.Next(node, peer(node), offered, NONE, offered, false);
  }

  @Test
  void theDriverSendsAChunkToOneNodeAndFewChunksAtATime() {
    ChunkWindow<String> wide = new ChunkWindow<>(CHUNKS, CHUNKS, DRIVER, SILENCE, () -> now);
    wide.ask(question("node 0", NONE, NONE));
    pass(ChunkWindow.GATHER);
    for (int index = wide.choose(); index >= 0; index = wide.choose()) {
      wide.sent(index, "" + index);
    }
    for (int i = 0; i < ChunkWindow.UPLOADS; i++) {
      ChunkWindow.Offer<String> offer = wide.ask(question("node " + i, NONE, NONE)).orElseThrow();
      assertEquals(i, offer.index());
      assertEquals(DRIVER, offer.holder());
    }
    assertTrue(wide.ask(question("one more", NONE, NONE)).isEmpty());
    wide.leave("node 0");
    assertEquals(0, wide.ask(question("one more", NONE, NONE)).orElseThrow().index());
  }

  @Test
  void aNodeIsNotGivenAChunkThatItIsFetching() {
    start();
    send();
    BitSet busy = new BitSet();
    busy.set(ask("first", first).orElseThrow().index());
    ChunkWindow.Offer<String> offer = window.ask(question("first", first, busy)).orElseThrow();
    assertEquals(1, offer.index());
    assertFalse(offer.offer(), "there is no other node");
    busy.set(1);
    assertTrue(window.ask(question("first", first, busy)).isEmpty());
  }

  @Test
  void theChunksInFlightTakeAnEighthOfASmallHeap() {
    assertEquals(8, ChunkWindow.sizeFor(16 << 20, 1L << 30));
    assertEquals(8, ChunkWindow.sizeFor(16 << 20, 64L << 30));
    assertEquals(2, ChunkWindow.sizeFor(16 << 20, 224L << 20));
    assertEquals(2, ChunkWindow.sizeFor(1 << 30, 64L << 30));
    assertEquals(32, ChunkWindow.sizeFor(1 << 20, 64L << 30));
  }

  @Test
  void noChunkIsSentWhileARemovedOneIsInMemory() {
    start();
    send();
    first.set(0);
    ask("first", first);
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
    assertEquals(4, ask("second", second).orElseThrow().index());
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
    ask("second", second);
    start();
    send();
    pass(SILENCE.minus(ChunkWindow.GATHER));
    receive("first", first);
    receive("first", first);
    assertEquals(List.of(), turn());
    pass(Duration.ofNanos(1));
    assertEquals(List.of("0", "1"), turn());
    assertEquals(1, window.nodes());
    assertEquals(2, ask("second", second).orElseThrow().index());
    assertEquals(2, window.nodes());
  }

  @Test
  void aNodeThatSaysItIsAliveIsNotSilent() {
    ask("second", second);
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
    ask("second", second);
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
      boolean some = false;
      for (int i = 0; i < SIZE; i++) {
        some |= receive("first", first);
        some |= receive("second", second);
      }
      assertTrue(some);
      turn();
    }
    assertEquals(1, window.status().repeated());
  }

  private List<Integer> inFlight() {
    return window.inFlight().stream().boxed().toList();
  }

  @Test
  void closingRemovesEveryChunk() {
    start();
    send();
    assertEquals(List.of("0", "1"), window.retire(true));
  }
}
