package io.glmimage.spark.engine;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.LostDeviceException;
import io.glmimage.error.UsageException;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
import io.glmimage.request.Solver;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Engines whose edited image is a plain colour, made of the request. Certain prompts cause
 * failures. In local mode executors run in this process, so the counters can be static.
 *
 * @param model equal names share an engine; {@code broken} does not load, {@code missing} does not
 *     exist, names that begin with {@code slow} take 20 ms a row
 */
public record FakeEngines(String model) implements PresentModel {
  public static final AtomicInteger OPENED = new AtomicInteger();
  public static final AtomicInteger CLOSED = new AtomicInteger();
  public static final AtomicInteger LARGEST_BATCH = new AtomicInteger();
  public static final AtomicInteger EDITED = new AtomicInteger();

  /** A prompt that loses the device once; the path of a file that notes it follows. */
  public static final String LOSE_ONCE = "lose the device once: ";

  private static final int ROWS_TOGETHER = 32;
  private static final AtomicInteger INSIDE = new AtomicInteger();

  public FakeEngines(EngineOptions options) {
    this(options.modelName());
  }

  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    OPENED.incrementAndGet();
    if (model.equals("broken")) {
      throw new IllegalStateException("tensor x has shape [1], expected [2]");
    }
    return new Fake(model);
  }

  @Override
  public String modelName() {
    return model;
  }

  @Override
  public String fingerprint(Storage storage) {
    return model;
  }

  @Override
  public void check(Storage storage) {
    if (model.equals("missing")) {
      throw new UsageException("Cannot load model: missing is not a folder");
    }
  }

  /** The edited image of a request. */
  public static RgbImage image(EditRequest request) {
    int height = request.height() != null ? request.height() : request.sources().get(0).height();
    int width = request.width() != null ? request.width() : request.sources().get(0).width();
    int key =
        (request.prompt() + request.seed() + request.steps() + request.guidanceScale()).hashCode();
    key += Double.hashCode(request.stepCache());
    key += request.solver() == Solver.EULER ? 0 : 1;
    for (RgbImage source : request.sources()) {
      key = key * 31 + source.pixels()[0];
    }
    byte[] pixels = new byte[height * width * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (key >> (8 * (i % 3)));
    }
    return new RgbImage(height, width, pixels);
  }

  private static final class Fake implements EditEngine {
    private final String model;
    private boolean closed;

    /** Once lost, always lost. */
    private LostDeviceException lost;

    Fake(String model) {
      this.model = model;
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      List<EditResult> results = new ArrayList<>();
      edit(requests, (i, result) -> results.add(result));
      return results;
    }

    @Override
    public void edit(List<EditRequest> requests, ResultReceiver receiver) {
      if (closed) {
        throw new IllegalStateException("closed");
      }
      if (INSIDE.incrementAndGet() > 1) {
        throw new IllegalStateException("two tasks at once");
      }
      try {
        LARGEST_BATCH.accumulateAndGet(requests.size(), Math::max);
        for (int i = 0; i < requests.size(); i++) {
          if (receiver.isWanted(i)) {
            if (model.startsWith("slow")) {
              sleep(20);
            }
            EDITED.incrementAndGet();
            receiver.edited(i, edit(requests.get(i)));
          }
        }
      } finally {
        INSIDE.decrementAndGet();
      }
    }

    private EditResult edit(EditRequest request) {
      if (lost != null) {
        throw lost;
      }
      if (request.prompt().startsWith(LOSE_ONCE)) {
        loseOnce(Path.of(request.prompt().substring(LOSE_ONCE.length())));
      }
      return switch (request.prompt()) {
        case "refuse" ->
            EditResult.failed(
                request.id(), new InvalidRequestException("aspect ratio 5 is over 4"));
        case "too much memory" ->
            EditResult.failed(
                request.id(),
                new DeviceMemoryException("not enough memory on fake; ask for less", null));
        case "break" -> EditResult.failed(request.id(), new IllegalStateException("NaN"));
        case "abort" -> throw abort();
        case "explode" -> throw new IllegalStateException("device lost");
        default -> new EditResult(request.id(), image(request), null, 0.1, 0.2, 0.3);
      };
    }

    /** Loses the device unless the file exists, and makes it. */
    private void loseOnce(Path mark) {
      try {
        Files.createFile(mark);
      } catch (FileAlreadyExistsException e) {
        return;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      lost = new LostDeviceException("Cannot continue: fake was lost: CUDA error: made up");
      throw lost;
    }

    /** Ends the process like a crash in native code. */
    private static RuntimeException abort() {
      Runtime.getRuntime().halt(134);
      return new IllegalStateException("halted");
    }

    private static void sleep(long millis) {
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }

    @Override
    public int rowsTogether() {
      return ROWS_TOGETHER;
    }

    @Override
    public String description() {
      return "fake";
    }

    @Override
    public void close() {
      closed = true;
      CLOSED.incrementAndGet();
    }
  }
}
