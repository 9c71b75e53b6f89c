package io.glmimage.spark.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.WeightsException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.spark.Until;
import io.glmimage.weights.CachedWeights;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.WeightsCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The questions and answers between nodes and the driver, without executors. */
@Tag("broadcast")
@Tag("spark")
class WeightsBroadcastServerTest {
  private static final String ENDPOINT = "weights-test";
  private static JavaSparkContext spark;

  @TempDir Path temporary;
  private Path model;
  private CheckpointListing listing;
  private ChunkPlan plan;
  private WeightsBroadcastServer server;
  private WeightsBroadcastChannel.Listener listener;

  @BeforeAll
  static void startSpark() {
    spark =
        new JavaSparkContext(
            new SparkConf()
                .setAppName("server")
                .setMaster("local[1]")
                .set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1"));
  }

  @AfterAll
  static void stopSpark() {
    spark.close();
  }

  @BeforeEach
  void startServer() throws Exception {
    model = Files.createDirectory(temporary.resolve("model"));
    SyntheticCheckpoint.write(model, 60 << 20, 2);
    LocalFileSource source = new LocalFileSource(model);
    listing = CheckpointListing.read(source);
    WeightsOptions options = WeightsOptions.defaults().withChunkBytes(8 << 20);
    plan = new ChunkPlan(listing, options.chunkBytes());
    server =
        new WeightsBroadcastServer(source, listing, options, Duration.ofSeconds(20), status -> {});
    listener = WeightsBroadcastChannel.listen(ENDPOINT, server::answer);
    server.start();
  }

  @AfterEach
  void stopServer() {
    server.close();
    listener.close();
  }

  @Test
  void aLostOrDamagedChunkIsRequestedAgain() throws Exception {
    AtomicInteger fetched = new AtomicInteger();
    CachedWeights weights =
        receive(
            "node",
            (from, block, into) -> {
              int time = fetched.getAndIncrement();
              if (time == 1) {
                throw new IOException("lost by the test");
              }
              ChunkBlocks.fetch(from, block, into);
              if (time == 3) {
                into[7] ^= 1;
              }
            });
    try (weights) {
      assertEquals(BroadcastDriver.sha(model), BroadcastDriver.sha(weights.folder()));
    }
    assertEquals(1, server.status().nodes().complete());
    assertTrue(fetched.get() >= plan.size() + 2);
  }

  @Test
  void aNodeThatCannotOfferItsChunksReceivesTheModel() throws Exception {
    // Chunks are offered if another node is receiving, too.
    BitSet all = new BitSet();
    all.set(0, plan.size());
    ask("other", all);
    AtomicInteger refused = new AtomicInteger();
    CachedWeights weights =
        receive(
            "node",
            (from, block, into) -> {
              ask("other", all);
              ChunkBlocks.fetch(from, block, into);
            },
            (block, bytes) -> {
              refused.incrementAndGet();
              // As Spark does if its local disk is full.
              throw new IllegalStateException(new IOException("No space left on device"));
            });
    try (weights) {
      assertEquals(BroadcastDriver.sha(model), BroadcastDriver.sha(weights.folder()));
    }
    assertTrue(refused.get() > 0);
  }

  @Test
  void chunksThatAreAlwaysLostAreAnError() {
    WeightsException e =
        assertThrows(
            WeightsException.class,
            () ->
                receive(
                    "node",
                    (from, block, into) -> {
                      throw new IOException("no route");
                    }));
    assertTrue(e.getMessage().contains("was lost: "), e.getMessage());
    assertTrue(e.getMessage().contains("(10 such failures)"), e.getMessage());
    assertEquals(0, server.status().nodes().receiving());
  }

  @Test
  void blocksThatDifferFromTheSourceAreNamedAtTheEnd() throws Exception {
    BitSet have = new BitSet();
    while (have.cardinality() < plan.size()) {
      have.set(chunk("node", have));
    }
    int blocks = (int) ((listing.totalBytes() >> 23) + listing.items().size());
    byte[] digests = new byte[32 * blocks];
    WeightsReply.Wrong reply =
        assertInstanceOf(
            WeightsReply.Wrong.class,
            server.answer(new WeightsQuestion.Finish("node", digests, 0, 0)));
    assertFalse(reply.blocks().isEmpty());
  }

  @Test
  void aBlockThatIsGoneOrOfAnotherLengthIsAnError() throws Exception {
    ChunkPeer self = ChunkBlocks.self();
    long block = ChunkBlocks.FIRST_NUMBER - 1;
    ChunkBlocks.put(block, new byte[] {1, 2, 3});
    byte[] into = new byte[3];
    ChunkBlocks.fetch(self, block, into);
    assertArrayEquals(new byte[] {1, 2, 3}, into);
    for (int wrong : new int[] {2, 4}) {
      assertThrows(IOException.class, () -> ChunkBlocks.fetch(self, block, new byte[wrong]));
    }
    ChunkBlocks.remove(block);
    assertThrows(IOException.class, () -> ChunkBlocks.fetch(self, block, into));
  }

  @Test
  void aQuestionAfterTheEndGetsTheReason() {
    server.close();
    WeightsReply.Failed reply =
        assertInstanceOf(WeightsReply.Failed.class, ask("late", new BitSet()));
    assertTrue(reply.why().contains("has been closed on the driver"), reply.why());
  }

  @Test
  void anInterruptedCloseLeavesNoThreadAndNoBlock() throws Exception {
    chunk("node", new BitSet());
    assertTrue(threads() > 0);
    Thread.currentThread().interrupt();
    server.close();
    assertTrue(Thread.interrupted(), "the interrupt is kept");
    Until.holds("the threads end", () -> threads() == 0);
    Until.holds("the blocks are removed", () -> BroadcastDriver.blocksOfThisProcess() == 0);
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().matches("weights-(read|release|broadcast)"))
        .count();
  }

  private WeightsReply ask(String node, BitSet have) {
    return server.answer(
        new WeightsQuestion.Next(
            node, ChunkBlocks.self(), (BitSet) have.clone(), new BitSet(), new BitSet(), false));
  }

  /** Asks as a node does until a chunk comes, and returns its index. */
  private int chunk(String node, BitSet have) throws InterruptedException {
    AtomicInteger index = new AtomicInteger();
    Until.holds(
        "a chunk arrives",
        () -> {
          if (ask(node, have) instanceof WeightsReply.Chunk chunk) {
            index.set(chunk.index());
            return true;
          }
          return false;
        });
    return index.get();
  }

  private CachedWeights receive(String node, WeightsBroadcastReceiver.Fetch fetch)
      throws InterruptedException {
    return receive(node, fetch, ChunkBlocks::put);
  }

  private CachedWeights receive(
      String node, WeightsBroadcastReceiver.Fetch fetch, WeightsBroadcastReceiver.Put put)
      throws InterruptedException {
    WeightsCache cache = WeightsCache.open(temporary.resolve("cache"), Long.MAX_VALUE);
    return cache.obtain(
        listing,
        WeightsCache.Check.QUICK,
        new WeightsBroadcastReceiver(ENDPOINT, node, plan, fetch, put));
  }
}
