package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowOutcome;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Looks for what would fail: rows, and of some or all of them the sources, of which the headers are
 * read. No model and no GPU is needed.
 */
public final class ManifestCheck {
  private static final int EXAMPLES = 5;

  /** By how much more rows than wanted are sorted, since hashes fall at random. */
  private static final double SLACK = 1.2;

  private static final int SLACK_ROWS = 1000;
  private static final int ROWS_OF_TASK = 50;
  private static final int MOST_TASKS = 1000;

  /** Holds the header of nearly every picture, with what cameras put before it. */
  private static final int HEADER_BYTES = 1 << 17;

  /**
   * What was found; grows with the number of error classes, not of rows.
   *
   * @param rows looked at
   * @param badByClass rows that would fail
   * @param examples messages of the first few of each class
   * @param sized rows of which the output's size is known
   * @param megapixelSteps of these rows: output megapixels times steps times passes (two with
   *     guidance)
   */
  public record Findings(
      long rows,
      Map<String, Long> badByClass,
      Map<String, List<String>> examples,
      long sized,
      double megapixelSteps)
      implements Serializable {
    static final Findings NONE = new Findings(0, new TreeMap<>(), new TreeMap<>(), 0, 0);

    public long bad() {
      return badByClass.values().stream().mapToLong(Long::longValue).sum();
    }

    Findings and(Findings other) {
      if (other.badByClass.isEmpty()) {
        // Nearly all rows.
        return new Findings(
            rows + other.rows,
            badByClass,
            examples,
            sized + other.sized,
            megapixelSteps + other.megapixelSteps);
      }
      Map<String, Long> bad = new TreeMap<>(badByClass);
      other.badByClass.forEach((name, count) -> bad.merge(name, count, Long::sum));
      Map<String, List<String>> messages = new TreeMap<>(examples);
      other.examples.forEach(
          (name, list) -> {
            List<String> all = new ArrayList<>(messages.getOrDefault(name, List.of()));
            all.addAll(list);
            messages.put(name, new ArrayList<>(all.subList(0, Math.min(EXAMPLES, all.size()))));
          });
      return new Findings(
          rows + other.rows,
          bad,
          messages,
          sized + other.sized,
          megapixelSteps + other.megapixelSteps);
    }
  }

  private final IdentifiedRows rows;
  private final SizeRule rule;
  private final HadoopSettings hadoop;

  public ManifestCheck(IdentifiedRows rows, SizeRule rule, HadoopSettings hadoop) {
    this.rows = rows;
    this.rule = rule;
    this.hadoop = hadoop;
  }

  /** All rows, sources not looked at. */
  public Findings rows() {
    return check(planned().javaRDD(), false);
  }

  /** All rows with their sources. */
  public Findings sources() {
    return check(planned().javaRDD(), true);
  }

  /**
   * Some rows with their sources.
   *
   * @param sample how many, chosen by their ids: the same ones every time
   */
  public Findings sources(int sample) {
    Dataset<Row> hashed =
        planned().withColumn(InternalColumns.HASH, xxhash64(col(InternalColumns.ID)));
    double part = SLACK * (sample + SLACK_ROWS) / Math.max(1, rows.size());
    if (part < 1) {
      // The smallest hashes are wanted; there is no need to sort the others.
      double highest = Long.MIN_VALUE + part * Math.pow(2, Long.SIZE);
      hashed = hashed.filter(col(InternalColumns.HASH).leq((long) highest));
    }
    JavaRDD<Row> chosen =
        hashed
            .orderBy(col(InternalColumns.HASH), col(InternalColumns.INDEX))
            .drop(InternalColumns.HASH)
            .javaRDD()
            .zipWithIndex()
            .filter(row -> row._2() < sample)
            .map(row -> row._1());
    // Sources are waited for, so few rows are enough for a task.
    int tasks = Math.min(MOST_TASKS, 1 + sample / ROWS_OF_TASK);
    return check(chosen.repartition(tasks), true);
  }

  private Dataset<Row> planned() {
    // No model is needed to check rows, so the fingerprints have no meaning here.
    return rows.planned("");
  }

  private Findings check(JavaRDD<Row> chosen, boolean sources) {
    Check check = new Check(rows.manifest().reader().defaults(), rule, hadoop, sources);
    return chosen
        .mapPartitions(
            part -> {
              Findings found = Findings.NONE;
              while (part.hasNext()) {
                found = found.and(check.row(PlannedRow.of(part.next()).outcome()));
              }
              return List.of(found).iterator();
            })
        .fold(Findings.NONE, Findings::and);
  }

  /** Looks at one row. */
  private record Check(EditDefaults limits, SizeRule rule, HadoopSettings hadoop, boolean sources)
      implements Serializable {
    Findings row(RowOutcome outcome) {
      if (outcome instanceof Rejection rejection) {
        return bad(ErrorClass.INVALID_ROW, rejection.message());
      }
      ManifestRow valid = (ManifestRow) outcome;
      try {
        List<PixelSize> sizes = new ArrayList<>();
        if (sources) {
          Storage storage = hadoop.storage();
          for (String path : valid.sources()) {
            sizes.add(size(storage, path));
          }
        }
        boolean known =
            sources
                || valid.sources().isEmpty()
                || (valid.height() != null && valid.width() != null);
        if (!known) {
          return new Findings(1, Map.of(), Map.of(), 0, 0);
        }
        PixelSize output = rule.output(valid.id(), valid.height(), valid.width(), sizes);
        if (!sizes.isEmpty()) {
          String problem =
              limits.sizeProblem(
                  valid.height() == null ? sizes.get(0).height() : valid.height(),
                  valid.width() == null ? sizes.get(0).width() : valid.width());
          if (problem != null) {
            return bad(ErrorClass.INVALID_ROW, "Cannot edit row " + valid.id() + ": " + problem);
          }
        }
        int passes = valid.guidanceScale() > 1 ? 2 : 1;
        double megapixels = (double) output.height() * output.width() / 1e6;
        return new Findings(1, Map.of(), Map.of(), 1, megapixels * valid.steps() * passes);
      } catch (RowFailure e) {
        return bad(e.errorClass(), "Cannot edit row " + valid.id() + ": " + e.getMessage());
      } catch (InvalidRequestException e) {
        return bad(ErrorClass.REQUEST_REFUSED, e.getMessage());
      }
    }

    private Findings bad(ErrorClass errorClass, String message) {
      return new Findings(
          1,
          Map.of(errorClass.name(), 1L),
          Map.of(errorClass.name(), List.of(hadoop.redaction().apply(message))),
          0,
          0);
    }

    private static PixelSize size(Storage storage, String path) throws RowFailure {
      String name = DataUrl.shown(path);
      byte[] start;
      try {
        start = DataUrl.is(path) ? DataUrl.bytes(path) : storage.head(path, HEADER_BYTES);
      } catch (IllegalArgumentException e) {
        throw new RowFailure(ErrorClass.IMAGE_INVALID, name + ": " + e.getMessage(), e);
      } catch (FileNotFoundException | NoSuchFileException e) {
        throw new RowFailure(ErrorClass.IMAGE_NOT_FOUND, name + " does not exist", e);
      } catch (IOException | RuntimeException e) {
        throw new RowFailure(
            ErrorClass.IMAGE_UNREADABLE, name + " cannot be read: " + e.getMessage(), e);
      }
      try {
        return ImageHeader.size(start, name);
      } catch (InvalidRequestException e) {
        if (start.length < HEADER_BYTES || DataUrl.is(path)) {
          throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
        }
      }
      // Some put their header last, and some a long preview before it.
      try {
        return ImageHeader.size(storage.read(path, SourceReader.MAX_FILE_BYTES), name);
      } catch (InvalidRequestException e) {
        throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
      } catch (IOException e) {
        throw new RowFailure(ErrorClass.IMAGE_UNREADABLE, e.getMessage(), e);
      }
    }
  }
}
