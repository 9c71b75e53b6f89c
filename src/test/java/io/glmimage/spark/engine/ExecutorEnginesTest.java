package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.JobException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.EngineObserver;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
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

  private String use(EngineOpener opener, DeviceName device) {
    return ExecutorEngines.use(
        opener, device, storage, EngineObserver.NONE, EditEngine::description);
  }

  @Test
  void modelsAndDevicesHaveEnginesOfTheirOwn() {
    for (int i = 0; i < 2; i++) {
      use(new FakeEngines("a"), DeviceName.cuda(0));
      use(new FakeEngines("a"), DeviceName.cuda(1));
      use(new FakeEngines("b"), DeviceName.cuda(0));
    }
    assertEquals(3, FakeEngines.OPENED.get() - opened);
    ExecutorEngines.closeAll();
    assertEquals(3, FakeEngines.CLOSED.get() - closed);
  }

  @Test
  void aFailedLoadIsNotRepeated() {
    for (int i = 0; i < 3; i++) {
      JobException e =
          assertThrows(JobException.class, () -> use(new FakeEngines("broken"), DeviceName.CPU));
      assertEquals(
          "Cannot load model broken on cpu: tensor x has shape [1], expected [2]", e.getMessage());
      assertNotNull(e.getCause());
    }
    assertEquals(1, FakeEngines.OPENED.get() - opened);
  }

  /** Fails like a reader whose thread is interrupted because the task is killed. */
  private record Interrupted(boolean[] interrupt) implements EngineOpener {
    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      if (interrupt[0]) {
        Thread.currentThread().interrupt();
        throw new CheckpointException(
            "Cannot load model: cannot read x: ClosedByInterruptException");
      }
      return new FakeEngines("whole").open(device, storage, progress);
    }

    @Override
    public String modelName() {
      return "interrupted";
    }
  }

  @Test
  void theNextTaskRepeatsALoadWhoseTaskWasKilled() {
    Interrupted opener = new Interrupted(new boolean[] {true});
    assertThrows(JobException.class, () -> use(opener, DeviceName.CPU));
    assertTrue(Thread.interrupted());
    opener.interrupt()[0] = false;
    assertEquals("fake", use(opener, DeviceName.CPU));
  }

  /** Fails as long as the weights do not arrive. */
  private record Distant(boolean[] arrived) implements EngineOpener {
    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      if (!arrived[0]) {
        throw new WeightsException("Cannot receive the model's weights: a chunk was lost");
      }
      return new FakeEngines("whole").open(device, storage, progress);
    }

    @Override
    public String modelName() {
      return "distant";
    }
  }

  @Test
  void theNextTaskRepeatsALoadWhoseWeightsDidNotArrive() {
    Distant opener = new Distant(new boolean[1]);
    assertEquals(
        "Cannot load model distant on cpu: Cannot receive the model's weights: a chunk was lost",
        assertThrows(JobException.class, () -> use(opener, DeviceName.CPU)).getMessage());
    opener.arrived()[0] = true;
    assertEquals("fake", use(opener, DeviceName.CPU));
  }
}
