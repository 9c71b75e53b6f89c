package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;

/**
 * Real engines, and rows that do what a soak wants, where the system property of their kind is set:
 * one whose prompt holds {@value #DEADLY} ends the process, as a crash in native code does; one
 * whose prompt holds {@value #COPIED} waits until a second process has come to it too.
 */
public record SoakEngines(ModelEngineFactory model) implements EngineFactory {
  public static final String DEADLY = "deadly";

  /** {@code true} where deadly rows are so. */
  public static final String ARMED = "soak.deadly";

  public static final String COPIED = "twice";

  /** A folder of this machine, where the processes that come to such a row say so. */
  public static final String MEETING = "soak.meeting";

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  public SoakEngines(EngineOptions options) {
    this(new ModelEngineFactory(options));
  }

  @Override
  public EditEngine open(String device, Storage storage) {
    return open(device, storage, LoadProgress.NONE);
  }

  @Override
  public EditEngine open(String device, Storage storage, LoadProgress progress) {
    return new Harmful(model.open(device, storage, progress));
  }

  @Override
  public DistributedEngines distribute(SparkSession spark) {
    if (model.options().model() != null) {
      throw new IllegalStateException("Only the embedded model needs no way to the executors");
    }
    return new DistributedEngines(this, null);
  }

  @Override
  public String modelName() {
    return model.modelName();
  }

  @Override
  public String fingerprint(Storage storage) {
    return model.fingerprint(storage);
  }

  @Override
  public void check(Storage storage) {
    model.check(storage);
  }

  private record Harmful(EditEngine engine) implements EditEngine {
    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      if (Boolean.getBoolean(ARMED) && anyOf(requests, DEADLY)) {
        Runtime.getRuntime().halt(134);
      }
      String meeting = System.getProperty(MEETING);
      if (meeting != null && anyOf(requests, COPIED)) {
        meet(Path.of(meeting));
      }
      return engine.edit(requests);
    }

    @Override
    public String description() {
      return engine.description();
    }

    @Override
    public void close() {
      engine.close();
    }

    private static boolean anyOf(List<EditRequest> requests, String word) {
      return requests.stream().anyMatch(request -> request.prompt().contains(word));
    }

    private static void meet(Path folder) {
      try {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("" + ProcessHandle.current().pid()), "");
        long start = System.nanoTime();
        while (come(folder) < 2) {
          if (System.nanoTime() - start > PATIENCE.toNanos()) {
            throw new IllegalStateException("No other process came to this row");
          }
          Thread.sleep(20);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("Interrupted", e);
      }
    }

    private static long come(Path folder) throws IOException {
      try (Stream<Path> files = Files.list(folder)) {
        return files.count();
      }
    }
  }
}
