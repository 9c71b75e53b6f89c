package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.JobException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ExecutorEnginesTest {
  private final Storage storage = new Storage(new Configuration(false));
  private int opened;
  private int closed;

  @BeforeEach
  void startFresh() {
    ExecutorEngines.closeAll();
    opened = FakeEngines.OPENED.get();
    closed = FakeEngines.CLOSED.get();
  }

  @AfterEach
  void leaveNothing() {
    ExecutorEngines.closeAll();
  }

  @Test
  void racingTasksLoadOneEngineAndTakeTurns() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Integer>> results = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        results.add(
            threads.submit(
                () ->
                    ExecutorEngines.use(
                        new FakeEngines("shared"),
                        "cpu",
                        storage,
                        // The fake throws where two are inside at once.
                        engine ->
                            engine
                                .edit(
                                    List.of(new EditRequest("a", "p", List.of(), 32, 32, 1, 1, 0)))
                                .size())));
      }
      for (Future<Integer> result : results) {
        assertEquals(1, result.get());
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(1, FakeEngines.OPENED.get() - opened);
  }

  @Test
  void modelsAndDevicesHaveEnginesOfTheirOwn() {
    for (int i = 0; i < 2; i++) {
      ExecutorEngines.use(new FakeEngines("a"), "cuda:0", storage, engine -> 0);
      ExecutorEngines.use(new FakeEngines("a"), "cuda:1", storage, engine -> 0);
      ExecutorEngines.use(new FakeEngines("b"), "cuda:0", storage, engine -> 0);
    }
    assertEquals(3, FakeEngines.OPENED.get() - opened);
    ExecutorEngines.closeAll();
    assertEquals(3, FakeEngines.CLOSED.get() - closed);
  }

  @Test
  void aFailedLoadIsNotTriedAgain() {
    for (int i = 0; i < 3; i++) {
      JobException e =
          assertThrows(
              JobException.class,
              () -> ExecutorEngines.use(new FakeEngines("broken"), "cpu", storage, engine -> 0));
      assertEquals(
          "Cannot load model broken on cpu: tensor x has shape [1], expected [2]", e.getMessage());
      assertTrue(e.getCause() != null);
    }
    assertEquals(1, FakeEngines.OPENED.get() - opened);
  }

  /** A task that is killed while it loads: a reading thread that is interrupted fails. */
  private record Interrupted(boolean[] interrupt) implements EngineFactory {
    @Override
    public EditEngine open(String device, Storage storage) {
      if (interrupt[0]) {
        Thread.currentThread().interrupt();
        throw new CheckpointException(
            "Cannot load model: cannot read x: ClosedByInterruptException");
      }
      return new FakeEngines("whole").open(device, storage);
    }

    @Override
    public String modelName() {
      return "interrupted";
    }

    @Override
    public void check(Storage storage) {
      // There is nothing that could be missing.
    }
  }

  @Test
  void aTaskThatIsKilledWhileItLoadsLeavesTheLoadingToTheNext() {
    Interrupted factory = new Interrupted(new boolean[] {true});
    assertThrows(
        JobException.class, () -> ExecutorEngines.use(factory, "cpu", storage, engine -> 0));
    assertTrue(Thread.interrupted());
    factory.interrupt()[0] = false;
    assertEquals("fake", ExecutorEngines.use(factory, "cpu", storage, e -> e.description()));
  }
}
