package io.glmimage.spark.run;

import io.glmimage.digest.Sha256;
import io.glmimage.error.ErrorClass;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.error.Wording;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import io.glmimage.output.ResultRow;
import io.glmimage.output.RowTimes;
import io.glmimage.output.Verdict;
import io.glmimage.quality.JudgedImage;
import io.glmimage.request.EditResult;
import io.glmimage.request.Preset;
import io.glmimage.spark.engine.EngineRows;
import io.glmimage.spark.engine.RowEngine;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.SourceReader;
import io.glmimage.tensor.DeviceName;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Edits rows of the manifest: reads their source images, and writes their edited images below the
 * output folder. A row that fails gets a FAILED result; anything else that fails, such as the model
 * or the output folder, is thrown.
 */
final class RowEditor implements RowPipeline.Steps<PlannedRow, ResultRow> {
  /** Longest metadata value in characters; S3 takes 2 KB for all of them. */
  private static final int LONGEST_METADATA = 1024;

  private final PartitionWork work;
  private final RunOutput output;
  private final RunCounters counters;
  private final Storage storage;
  private final SourceReader sources;
  private final Redaction redaction;
  private final DeviceName device;
  private final FlaggedRetries retries;

  /**
   * @param device of this task, such as {@code cuda:0}
   */
  RowEditor(
      PartitionWork work,
      RunCounters counters,
      Storage storage,
      Redaction redaction,
      DeviceName device) {
    this.work = work;
    this.output = work.output();
    this.counters = counters;
    this.storage = storage;
    // A source image among the files of this run could be replaced before or while it is read.
    this.sources =
        new SourceReader(
            storage,
            work.limits(),
            work.sources(),
            List.of(output.layout().images(), output.layout().changes()));
    this.redaction = redaction;
    this.device = device;
    this.retries =
        new FlaggedRetries(
            output.quality(), work.opener().touchesImages() ? output.quality().retries() : 0);
  }

  @Override
  public RowPipeline.Step<ResultRow> read(PlannedRow row) {
    if (row.outcome() instanceof Rejection rejection) {
      return new RowPipeline.Finished<>(
          failed(row, null, ErrorClass.INVALID_ROW, rejection.message(), RowTimes.NONE));
    }
    ManifestRow valid = (ManifestRow) row.outcome();
    long start = System.nanoTime();
    try {
      SourceReader.Read read =
          work.opener().touchesImages()
              ? sources.request(valid)
              : SourceReader.withoutSources(valid);
      double readSeconds = secondsSince(start);
      // The completion keeps the first source image, to which the edited image is compared.
      String fingerprint = read.fingerprint();
      byte[] exif = read.exif();
      counters.sources().add(read.traits());
      List<RgbImage> images = read.request().sources();
      RgbImage source = images.isEmpty() ? null : images.get(0);
      InWork in = new InWork(row, valid, fingerprint, source, exif);
      return retries.first(
          read.request(),
          (edited, editSeconds, seed) ->
              finish(in, edited, seed, times(readSeconds, editSeconds, edited)));
    } catch (RowFailure e) {
      return new RowPipeline.Finished<>(
          failed(row, null, e.errorClass(), e.getMessage(), RowTimes.ofRead(secondsSince(start))));
    }
  }

  @Override
  public RowEngine open(int coming, Consumer<GlmImageException> failures) {
    return EngineRows.open(
        work.opener(), device, storage, counters.loading(), counters.engines(), coming, failures);
  }

  private static RowTimes times(double readSeconds, double editSeconds, EditResult edited) {
    return new RowTimes(
        readSeconds,
        editSeconds,
        edited.priorSeconds(),
        edited.denoiseSeconds(),
        edited.decodeSeconds(),
        0);
  }

  /**
   * A row whose source images have been read.
   *
   * @param sources fingerprint of the source images
   * @param source the first source image; null for text-to-image
   * @param exif what the edited image keeps of the first source image
   */
  private record InWork(
      PlannedRow row, ManifestRow valid, String sources, RgbImage source, byte[] exif) {}

  /**
   * Judges, encodes and writes the edited image of a row.
   *
   * @param seed of the edited image
   */
  private ResultRow finish(InWork in, EditResult edited, long seed, RowTimes times) {
    if (!edited.ok()) {
      return failed(
          in.row(), in.sources(), EngineRows.errorClass(edited), EngineRows.why(edited), times);
    }
    ManifestRow valid =
        seed == in.valid().settings().seed() ? in.valid() : in.valid().withSeed(seed);
    long start = System.nanoTime();
    RgbImage image = edited.image();
    String path = output.layout().image(in.row().id(), output.encoder().format());
    String sha256 = null;
    Verdict verdict = null;
    if (work.opener().touchesImages()) {
      JudgedImage judged = JudgedImage.of(in.source(), image, output.quality().keepUnchanged());
      image = judged.image();
      verdict = new Verdict(output.quality().limits().flag(judged.figures()), judged.figures());
      byte[] file;
      try {
        file =
            output.encoder().encode(image, in.exif(), valid, work.opener().modelName(), redaction);
      } catch (InvalidRequestException e) {
        return failed(in.row(), in.sources(), ErrorClass.REQUEST_REFUSED, e.getMessage(), times);
      }
      sha256 = Sha256.hex(file);
      // The map first: a row with an edited image has its map.
      if (output.quality().changeMaps() && judged.changes() != null) {
        write(
            "change map",
            output.layout().changeMap(in.row().id()),
            judged.changes().png(),
            Map.of());
      }
      write("edited image", path, file, metadata(in.row(), sha256));
    }
    return ResultRow.done(
        valid,
        new ResultRow.EditedFile(path, sha256, image.height(), image.width(), edited.scale()),
        verdict,
        times.withWrite(secondsSince(start)),
        work.opener().modelName(),
        origin(in.row(), in.sources()));
  }

  private void write(String what, String path, byte[] file, Map<String, String> metadata) {
    try {
      storage.write(path, file, metadata, output.layout().unfinished());
    } catch (IOException e) {
      throw new JobException(
          redaction.apply("Cannot write " + what + " " + path + ": " + e.getMessage()), e);
    }
  }

  /** Metadata that object stores keep with an edited image. */
  private Map<String, String> metadata(PlannedRow row, String sha256) {
    Map<String, String> metadata = new TreeMap<>();
    // Percent-encoded: HTTP headers are ASCII.
    metadata.put("id", URLEncoder.encode(row.id(), StandardCharsets.UTF_8));
    metadata.put("sha256", sha256);
    metadata.put("fingerprint", row.fingerprint());
    metadata.put("software", output.encoder().program());
    metadata.values().removeIf(value -> value.length() > LONGEST_METADATA);
    return metadata;
  }

  /** The result of a row whose process died repeatedly. */
  ResultRow crashed(PlannedRow row, int deaths) {
    return failed(
        row,
        null,
        ErrorClass.PROCESS_CRASH,
        "the process that edited it died "
            + deaths
            + " times while no other row was in work there (a crash in native code, or out of"
            + " memory); see the executors' logs, or try a smaller size",
        RowTimes.NONE);
  }

  /**
   * @param sources fingerprint of the source images; null if they were not read
   */
  private ResultRow failed(
      PlannedRow row, String sources, ErrorClass errorClass, String why, RowTimes times) {
    return ResultRow.failed(
        row.outcome(),
        errorClass,
        Wording.rowFailure(row.id(), why),
        times,
        work.opener().modelName(),
        origin(row, sources));
  }

  private ResultRow.Origin origin(PlannedRow row, String sources) {
    Preset preset =
        row.outcome() instanceof ManifestRow valid
            ? work.limits().presetOf(valid.settings())
            : null;
    return new ResultRow.Origin(row.fingerprint(), sources, work.run(), preset);
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
