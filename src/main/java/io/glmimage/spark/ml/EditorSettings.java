package io.glmimage.spark.ml;

import io.glmimage.image.SourceOptions;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.quality.QualityOptions;
import java.io.Serializable;

/**
 * What all rows of one {@link ImageEditor#transform} have in common.
 *
 * @param edit size, steps and seeds
 * @param sources how source images are read
 * @param quality how edited images are judged
 * @param output what becomes of edited images
 * @param batchSize most rows that a task has in memory
 */
record EditorSettings(
    EditorColumns columns,
    EditDefaults edit,
    SourceOptions sources,
    QualityOptions quality,
    Output output,
    int batchSize)
    implements Serializable {
  /**
   * What becomes of edited images.
   *
   * @param folder of their files; null to put their bytes into the rows
   */
  record Output(EditedImageEncoder encoder, String folder) implements Serializable {}

  /** Whether edited images are compared with their sources. */
  boolean judges() {
    return columns.figures() || quality.keepUnchanged();
  }
}
