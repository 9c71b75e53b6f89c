package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.Meeting;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/**
 * Real engines with two kinds of harmful rows, each enabled by a system property. A row whose
 * prompt contains {@value #DEADLY} ends the process like a crash in native code. A row whose prompt
 * contains {@value #COPIED} waits until a second process has reached it.
 */
public record SoakEngines(EngineOptions options) implements PresentModel {
  public static final String DEADLY = "deadly";

  /** {@code true} enables deadly rows. */
  public static final String ARMED = "soak.deadly";

  public static final String COPIED = "twice";

  /** A local folder in which each process that reaches such a row creates a file. */
  public static final String MEETING = "soak.meeting";

  /** Not a component: the record is sent to executors, the model stays on the driver. */
  private CheckpointModel model() {
    return new CheckpointModel(options);
  }

  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    return new Harmful(
        new CheckpointOpener(options, null, List.of()).open(device, storage, progress));
  }

  @Override
  public DistributedEngines distribute(SparkSession spark) {
    if (options.model() != null) {
      throw new IllegalStateException("Only the embedded model needs no distribution");
    }
    return PresentModel.super.distribute(spark);
  }

  @Override
  public String modelName() {
    return model().modelName();
  }

  @Override
  public String fingerprint(Storage storage) {
    return model().fingerprint(storage);
  }

  @Override
  public void check(Storage storage) {
    model().check(storage);
  }

  private static final class Harmful extends ForwardingEngine {
    Harmful(EditEngine engine) {
      super(engine);
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      if (Boolean.getBoolean(ARMED) && anyOf(requests, DEADLY)) {
        Runtime.getRuntime().halt(134);
      }
      String meeting = System.getProperty(MEETING);
      if (meeting != null && anyOf(requests, COPIED)) {
        meet(Path.of(meeting));
      }
      return super.edit(requests);
    }

    private static boolean anyOf(List<EditRequest> requests, String word) {
      return requests.stream().anyMatch(request -> request.prompt().contains(word));
    }

    private static void meet(Path folder) {
      try {
        Meeting.attend(folder, 2);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
