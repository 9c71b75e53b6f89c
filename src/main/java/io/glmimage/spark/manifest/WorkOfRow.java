package io.glmimage.spark.manifest;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.plan.RowWork;
import java.util.List;

/** What the model has to do for a row, as far as the row and the headers of its sources say. */
public final class WorkOfRow {
  /** A row of unknown size counts as one of this size. */
  private static final double USUAL_MEGAPIXELS = 1024 * 1024 / 1e6;

  private WorkOfRow() {}

  /** Whether the output size depends on the first source image. */
  public static boolean needsHeaders(ManifestRow row) {
    EditSettings settings = row.settings();
    return !row.sources().isEmpty() && (settings.height() == null || settings.width() == null);
  }

  /**
   * The work of a row, whatever the checkpoint.
   *
   * @param storage reads the headers of source images if the output size depends on them
   * @param folders from which they may be read; empty for all
   * @throws RowFailure if a source image cannot be used
   * @throws InvalidRequestException if the model would refuse the row
   */
  public static RowWork of(ManifestRow row, Storage storage, List<String> folders)
      throws RowFailure {
    AllowedInputs.check(storage, folders, row);
    List<PixelSize> sizes =
        needsHeaders(row)
            ? SourceHeaders.read(storage, row).stream().map(ImageHeader.Facts::size).toList()
            : List.of();
    return of(row, sizes, OutputSize.ofAnyCheckpoint());
  }

  /**
   * @param sources sizes of all source images; empty if they are not known, and not needed
   */
  static RowWork of(ManifestRow row, List<PixelSize> sources, OutputSize rule) {
    EditSettings settings = row.settings();
    PixelSize generated =
        rule.of(row.id(), settings.height(), settings.width(), sources, settings.sizing())
            .generated();
    double megapixels = megapixels(generated);
    double ofSources =
        sources.isEmpty()
            // Not known: about the size of the edited image.
            ? row.sources().size() * megapixels
            : sources.stream().mapToDouble(WorkOfRow::megapixels).sum();
    return work(settings, megapixels, ofSources);
  }

  /** The work of a row whose size is not known. */
  public static RowWork usual(ManifestRow row) {
    return work(row.settings(), USUAL_MEGAPIXELS, USUAL_MEGAPIXELS * row.sources().size());
  }

  private static RowWork work(EditSettings settings, double megapixels, double ofSources) {
    int passes = settings.guidanceScale() > 1 ? 2 : 1;
    return new RowWork(megapixels, ofSources, settings.steps(), settings.stepCache(), passes);
  }

  private static double megapixels(PixelSize size) {
    return (double) size.height() * size.width() / 1e6;
  }
}
