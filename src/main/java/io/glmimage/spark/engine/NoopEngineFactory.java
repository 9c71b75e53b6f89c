package io.glmimage.spark.engine;

import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/**
 * Edits nothing, in no time: with it a run shows what planning and bookkeeping cost. Sources are
 * not read and pictures are not written; the result table names pictures that do not exist.
 */
public record NoopEngineFactory() implements EngineFactory {
  private static final long serialVersionUID = 1L;

  /** What tables and reports call it. */
  public static final String NAME = "noop";

  private static final int SIDE = 32;

  @Override
  public EditEngine open(String device, Storage storage) {
    return new Noop();
  }

  @Override
  public String modelName() {
    return NAME;
  }

  @Override
  public void check(Storage storage) {
    // There is nothing that could be missing.
  }

  @Override
  public boolean touchesPictures() {
    return false;
  }

  private static final class Noop implements EditEngine {
    private final RgbImage picture = new RgbImage(SIDE, SIDE, new byte[SIDE * SIDE * 3]);

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      return requests.stream()
          .map(request -> new EditResult(request.id(), picture, null, 0, 0, 0))
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
