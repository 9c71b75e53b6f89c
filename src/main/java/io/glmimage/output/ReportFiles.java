package io.glmimage.output;

import io.glmimage.error.Redaction;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ImagePaths;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes {@code report.html} and {@code metrics.json} of a run. */
public final class ReportFiles {
  /** The largest number of rows from all parts that are shown with their images. */
  public static final int MOST_SAMPLES = 24;

  /** The largest number of rows of each other group that are shown. */
  public static final int MOST_OF_A_GROUP = 8;

  private static final Logger LOG = LoggerFactory.getLogger(ReportFiles.class);

  /** The longest side of a thumbnail, in pixels. */
  private static final int THUMBNAIL = 256;

  private static final long MAX_FILE_BYTES = 256L << 20;

  private final Storage storage;
  private final String manifestFolder;
  private final Redaction redaction;

  /**
   * @param manifestFolder base of relative image paths
   */
  public ReportFiles(Storage storage, String manifestFolder, Redaction redaction) {
    this.storage = storage;
    this.manifestFolder = manifestFolder;
    this.redaction = redaction;
  }

  /**
   * Reads the images of successful rows.
   *
   * @param rows the rows to show by group; a row may be in several groups
   */
  public List<RunFigures.Sample> samples(Map<SampleGroup, List<ShownResult>> rows) {
    Map<String, Set<SampleGroup>> groups = new LinkedHashMap<>();
    Map<String, ShownResult> byId = new LinkedHashMap<>();
    rows.forEach(
        (group, members) ->
            members.forEach(
                row -> {
                  byId.put(row.id(), row);
                  groups.computeIfAbsent(row.id(), id -> new TreeSet<>()).add(group);
                }));
    return byId.values().stream().map(row -> sample(row, groups.get(row.id()))).toList();
  }

  /** Writes both files. */
  public void write(RunReport report, RunFigures figures) throws IOException {
    String metrics = MetricsJson.of(report, figures, redaction);
    storage.write(report.output().metrics(), metrics.getBytes(StandardCharsets.UTF_8));
    String page = HtmlReport.of(report, figures, redaction);
    storage.write(report.output().report(), page.getBytes(StandardCharsets.UTF_8));
  }

  private RunFigures.Sample sample(ShownResult row, Set<SampleGroup> groups) {
    RgbImage source = null;
    String note = "text-to-image";
    if (!row.imagePaths().isEmpty()) {
      String path = row.imagePaths().get(0);
      note = DataUrl.is(path) ? "inline image" : path + " cannot be shown";
      source = DataUrl.is(path) ? null : thumbnail(ImagePaths.resolve(manifestFolder, path));
    }
    RgbImage edited = thumbnail(row.edited().path());
    if (source != null && edited != null) {
      // As the model saw it: the slider lays one over the other.
      source = Resampler.lanczos(source, edited.height(), edited.width());
    }
    String likeness = row.likeness();
    return new RunFigures.Sample(
        row.id(),
        row.prompt(),
        row.detail() + (likeness.isEmpty() ? "" : ", " + likeness),
        source,
        edited,
        note,
        row.verdict() == null ? null : row.verdict().flag().name(),
        groups);
  }

  /** Reads a thumbnail; null if the image cannot be read any more, which the page then says. */
  private RgbImage thumbnail(String path) {
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
      // All rows are finished: a missing thumbnail must not fail the run.
      LOG.warn(
          "Cannot show {} in the report: {}", redaction.apply(path), redaction.apply(e.toString()));
      return null;
    }
  }
}
