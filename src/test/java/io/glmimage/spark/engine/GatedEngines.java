package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.Gate;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;

/**
 * Real engines of a checkpoint. A row whose prompt has a word such as {@code gate-first} waits at
 * that {@link Gate}, if the system property {@value #GATES} names the folder of the gates.
 */
public record GatedEngines(EngineOptions options) implements ModelRef {
  public static final String GATES = "gates";
  private static final Pattern GATE = Pattern.compile("gate-\\w+");

  /** Not a component: a record of the options is all that tests compare. */
  private CheckpointModel model() {
    return new CheckpointModel(options);
  }

  /** The distribution of the model ends with the process. */
  @Override
  public DistributedEngines distribute(SparkSession spark) {
    return DistributedEngines.ofPresent(new Gated(model().distribute(spark).opener()));
  }

  @Override
  public EngineOpener forSession(SparkSession spark) {
    return new Gated(model().forSession(spark));
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

  private record Gated(EngineOpener opener) implements EngineOpener {
    @Override
    public String modelName() {
      return opener.modelName();
    }

    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      return new Waiting(opener.open(device, storage, progress));
    }
  }

  private static final class Waiting extends ForwardingEngine {
    Waiting(EditEngine engine) {
      super(engine);
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      String gates = System.getProperty(GATES);
      if (gates != null) {
        for (EditRequest request : requests) {
          Matcher gate = GATE.matcher(request.prompt());
          if (gate.find()) {
            pass(Path.of(gates), gate.group());
          }
        }
      }
      return super.edit(requests);
    }

    private static void pass(Path folder, String gate) {
      try {
        Gate.pass(folder, gate);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
