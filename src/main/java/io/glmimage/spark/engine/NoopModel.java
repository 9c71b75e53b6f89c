package io.glmimage.spark.engine;

import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.util.List;

/**
 * Edits nothing. Used to measure planning and bookkeeping. Source images are not read and edited
 * images are not written; the result table names files that do not exist.
 */
public record NoopModel() implements PresentModel {
  private static final long serialVersionUID = 1L;

  /** The name in tables and reports. */
  public static final String NAME = "noop";

  private static final int SIDE = 32;

  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    return new Noop();
  }

  @Override
  public String modelName() {
    return NAME;
  }

  @Override
  public String fingerprint(Storage storage) {
    return NAME;
  }

  @Override
  public void check(Storage storage) {
    // This model has no files.
  }

  @Override
  public boolean touchesImages() {
    return false;
  }

  private static final class Noop implements EditEngine {
    private final RgbImage image = new RgbImage(SIDE, SIDE, new byte[SIDE * SIDE * 3]);

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      return requests.stream()
          .map(request -> new EditResult(request.id(), image, null, 0, 0, 0))
          .toList();
    }

    @Override
    public String description() {
      return NAME;
    }

    @Override
    public void close() {
      // Holds nothing.
    }
  }
}
