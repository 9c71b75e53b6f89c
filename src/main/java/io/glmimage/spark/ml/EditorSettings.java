package io.glmimage.spark.ml;

import io.glmimage.output.EditedImageEncoder;
import io.glmimage.request.Sizing;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * What all rows of one {@link ImageEditor#transform} have in common.
 *
 * @param batchSize number of rows that go through the model together
 * @param encoder of the edited images
 * @param outputFolder folder of the edited images; null to put their bytes into the rows
 */
record EditorSettings(
    Columns columns,
    Parameters parameters,
    int batchSize,
    EditedImageEncoder encoder,
    String outputFolder)
    implements Serializable {
  /** A column of source images. */
  record Source(String name, int position, ImageColumn kind) implements Serializable {}

  /**
   * The columns that are read, by their positions.
   *
   * @param id position of the ids; null if there are none
   * @param seed position of the seeds; null if there are none
   */
  record Columns(List<Source> sources, int prompt, Integer id, Integer seed)
      implements Serializable {
    Columns {
      // Lists of other kinds may not be serializable.
      sources = new ArrayList<>(sources);
    }

    /** Whether every source image has a path. */
    boolean arePaths() {
      return sources.stream()
          .allMatch(
              source -> source.kind() == ImageColumn.PATH || source.kind() == ImageColumn.PATHS);
    }
  }

  /**
   * Parameters of the model.
   *
   * @param height in pixels; null for that of the first source image
   * @param width in pixels; null for that of the first source image
   * @param seed base of the seeds of rows that give none
   * @param sizing how the size of the edited image is decided
   */
  record Parameters(
      Integer height,
      Integer width,
      int steps,
      double guidanceScale,
      double stepCache,
      long seed,
      Sizing sizing)
      implements Serializable {}
}
