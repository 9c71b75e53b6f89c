package io.glmimage.job;

import io.glmimage.image.ImageDecoder;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Redaction;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ImagePaths;
import io.glmimage.output.HtmlReport;
import io.glmimage.output.MetricsJson;
import io.glmimage.output.RunFigures;
import io.glmimage.output.RunReport;
import io.glmimage.spark.results.ResultFigures;
import io.glmimage.spark.results.ResultsTable;
import io.glmimage.spark.results.ShownResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes {@code report.html} and {@code metrics.json} of a run. */
final class ReportFiles {
  private static final Logger LOG = LoggerFactory.getLogger(ReportFiles.class);
  private static final int SAMPLES = 24;
  private static final int EXAMPLES = 5;
  private static final int THUMBNAIL = 176;
  private static final long MAX_FILE_BYTES = 256L << 20;

  private final Storage storage;
  private final String manifestFolder;
  private final Redaction redaction;

  /**
   * @param manifestFolder where relative image paths start
   */
  ReportFiles(Storage storage, String manifestFolder, Redaction redaction) {
    this.storage = storage;
    this.manifestFolder = manifestFolder;
    this.redaction = redaction;
  }

  /**
   * @param pictures whether the run made pictures that can be shown
   */
  void write(RunReport report, ResultsTable results, boolean pictures) throws IOException {
    ResultFigures table = new ResultFigures(results);
    List<RunFigures.Sample> samples = new ArrayList<>();
    for (ShownResult row : pictures ? table.sample(SAMPLES) : List.<ShownResult>of()) {
      samples.add(sample(row));
    }
    RunFigures figures =
        new RunFigures(
            table.stageSeconds(),
            table.quantiles(),
            table.histogram(),
            table.failures(report.rows().failedByClass().keySet(), EXAMPLES),
            samples);
    String metrics = MetricsJson.of(report, figures, redaction);
    storage.write(report.output().metrics(), metrics.getBytes(StandardCharsets.UTF_8));
    String page = HtmlReport.of(report, figures, redaction);
    storage.write(report.output().report(), page.getBytes(StandardCharsets.UTF_8));
  }

  private RunFigures.Sample sample(ShownResult row) {
    RgbImage source = null;
    String note = "text-to-image";
    if (!row.imagePaths().isEmpty()) {
      String path = row.imagePaths().get(0);
      note = DataUrl.is(path) ? "inline picture" : path + " cannot be shown";
      source = DataUrl.is(path) ? null : small(ImagePaths.resolve(manifestFolder, path));
    }
    RgbImage edit = small(row.outputPath());
    return new RunFigures.Sample(
        row.id(),
        row.prompt(),
        String.format(
            Locale.ROOT,
            "%d x %d, seed %d, %.2f s",
            row.width(),
            row.height(),
            row.seed(),
            row.seconds()),
        source,
        edit,
        note);
  }

  /** Made small; null where it can no longer be read, which the page then says. */
  private RgbImage small(String path) {
    try {
      RgbImage image = ImageDecoder.decode(storage.read(path, MAX_FILE_BYTES), path);
      double scale = (double) THUMBNAIL / Math.max(image.height(), image.width());
      return scale >= 1
          ? image
          : Resampler.lanczos(
              image,
              Math.max(1, (int) Math.round(image.height() * scale)),
              Math.max(1, (int) Math.round(image.width() * scale)));
    } catch (IOException | RuntimeException e) {
      // All rows are done; a page without a picture is no reason to fail them.
      LOG.warn(
          "Cannot show {} in the report: {}", redaction.apply(path), redaction.apply(e.toString()));
      return null;
    }
  }
}
