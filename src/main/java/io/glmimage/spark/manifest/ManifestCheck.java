package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.Wording;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.io.HadoopSettings;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.model.processor.ImageProcessor;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.plan.CostModel;
import io.glmimage.plan.RowWork;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Finds rows that would fail: checks all rows, and reads the headers of the source images of some
 * or all rows. Needs no GPU.
 */
public final class ManifestCheck {
  /** More rows than wanted are sorted, because the number of small hashes varies. */
  private static final double SLACK = 1.2;

  private static final int SLACK_ROWS = 1000;

  /** Few rows a task: reading headers is mostly waiting. */
  private static final int ROWS_PER_TASK = 50;

  private static final int MOST_TASKS = 1000;

  private final IdentifiedRows rows;
  private final HadoopSettings hadoop;
  private final OutputSize sizing;
  private final CostModel cost;
  private final List<String> folders;

  /**
   * @param folders from which source images and masks may be read; empty for all
   * @param sizing the sizes of the checkpoint that will edit the rows
   * @param cost of a row, for the estimate
   */
  public ManifestCheck(
      IdentifiedRows rows,
      HadoopSettings hadoop,
      List<String> folders,
      OutputSize sizing,
      CostModel cost) {
    this.rows = rows;
    this.hadoop = hadoop;
    this.folders = List.copyOf(folders);
    this.sizing = sizing;
    this.cost = cost;
  }

  /** Checks all rows, without their source images. */
  public Findings rows() {
    return check(planned().javaRDD(), false, false);
  }

  /** Checks all rows and their source images. */
  public Findings sources() {
    return check(planned().javaRDD(), true, false);
  }

  /**
   * Checks the source images of some rows. Rows that {@link #rows} finds bad do not count as bad
   * here, so the two counts add up.
   *
   * @param sample number of rows. They are chosen by their ids, so they are the same every time
   */
  public Findings sources(int sample) {
    Dataset<Row> hashed =
        planned().withColumn(InternalColumns.HASH, xxhash64(col(InternalColumns.ID)));
    double part = SLACK * (sample + SLACK_ROWS) / Math.max(1, rows.size());
    if (part < 1) {
      // The smallest hashes are wanted: the other rows need not be sorted.
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
    int tasks = Math.min(MOST_TASKS, 1 + sample / ROWS_PER_TASK);
    return check(chosen.repartition(tasks), true, true);
  }

  private Dataset<Row> planned() {
    // The check does not use the fingerprints, so it needs no model.
    return rows.planned("").select(PlannedRow.columns());
  }

  private Findings check(JavaRDD<Row> chosen, boolean sources, boolean onlySources) {
    EditDefaults limits = rows.manifest().defaults();
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(chosen.context());
    Broadcast<RowCheck> check =
        spark.broadcast(new RowCheck(limits, hadoop, folders, sources, sizing, cost));
    Broadcast<RowCheck> before =
        spark.broadcast(new RowCheck(limits, hadoop, folders, false, sizing, cost));
    return chosen
        .mapPartitions(
            part -> {
              Findings found = Findings.NONE;
              while (part.hasNext()) {
                RowOutcome row = PlannedRow.of(part.next()).outcome();
                boolean counted = onlySources && before.value().check(row).bad() > 0;
                found = found.and(counted ? Findings.GOOD : check.value().check(row));
              }
              return List.of(found).iterator();
            })
        .fold(Findings.NONE, Findings::and);
  }

  /**
   * Checks one row at a time.
   *
   * @param folders from which source images and masks may be read; empty for all
   * @param sources whether the headers of the source images are read
   * @param sizing the sizes of the checkpoint that will edit the rows
   * @param cost of a row, for the estimate
   */
  record RowCheck(
      EditDefaults limits,
      HadoopSettings hadoop,
      List<String> folders,
      boolean sources,
      OutputSize sizing,
      CostModel cost)
      implements Serializable {
    Findings check(RowOutcome outcome) {
      if (outcome instanceof Rejection rejection) {
        return bad(ErrorClass.INVALID_ROW, rejection.message());
      }
      ManifestRow row = (ManifestRow) outcome;
      try {
        return check(row);
      } catch (RowFailure e) {
        return bad(e.errorClass(), Wording.rowFailure(row.id(), e.getMessage()));
      } catch (InvalidRequestException e) {
        return bad(ErrorClass.REQUEST_REFUSED, Wording.rowFailure(row.id(), e.getMessage()));
      }
    }

    private Findings check(ManifestRow row) throws RowFailure {
      AllowedInputs.check(hadoop.storage(), folders, row);
      List<ImageHeader.Facts> headers =
          sources ? SourceHeaders.read(hadoop.storage(), row) : List.of();
      List<PixelSize> sizes = headers.stream().map(ImageHeader.Facts::size).toList();
      if (!sources && WorkOfRow.needsHeaders(row)) {
        return Findings.GOOD;
      }
      // In the order of an edit, so that the reasons are the same.
      SourceReader.checkSize(row.settings(), sizes, limits);
      RowWork work = WorkOfRow.of(row, sizes, sizing);
      sizes.forEach(ImageProcessor::check);
      return Findings.good(work, cost, traits(headers));
    }

    private static TraitCounts traits(List<ImageHeader.Facts> headers) {
      return TraitCounts.of(headers.stream().map(ImageHeader.Facts::traits).toList());
    }

    private Findings bad(ErrorClass errorClass, String message) {
      return Findings.bad(errorClass, hadoop.redaction().apply(message));
    }
  }
}
