package io.glmimage.spark.run;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.plan.CostClasses;
import io.glmimage.plan.CostModel;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.WorkOfRow;
import java.io.ByteArrayOutputStream;
import java.io.Serializable;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;

/**
 * Estimates what rows cost, for the plan. Reads the header of a source image where the size of the
 * edited image depends on it. Never fails because of a row: an estimate decides no result.
 */
final class RowCosts implements Function2<Integer, Iterator<Row>, Iterator<RowCosts.OfPartition>> {
  private static final long serialVersionUID = 1L;

  /** After so many files that could not be read, a task reads no more of them. */
  private static final int MOST_PROBLEMS = 3;

  /**
   * The rows of a partition.
   *
   * @param partition its number
   * @param classes the cost class of each row, in order
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record OfPartition(int partition, byte[] classes, CostClasses costs) implements Serializable {}

  private final CostModel model;
  private final List<String> folders;
  private final Broadcast<HadoopSettings> hadoop;

  /**
   * @param folders from which source images may be read; empty for all
   * @param hadoop reads headers
   */
  RowCosts(CostModel model, List<String> folders, Broadcast<HadoopSettings> hadoop) {
    this.model = model;
    this.folders = List.copyOf(folders);
    this.hadoop = hadoop;
  }

  @Override
  public Iterator<OfPartition> call(Integer partition, Iterator<Row> rows) {
    Storage storage = hadoop.value().storage();
    AtomicInteger problems = new AtomicInteger();
    Iterator<Double> all =
        ConcurrentRows.map(
            rows, "plan the rows", row -> seconds(PlannedRow.of(row).outcome(), storage, problems));
    ByteArrayOutputStream classes = new ByteArrayOutputStream();
    CostClasses costs = new CostClasses();
    while (all.hasNext()) {
      double seconds = all.next();
      classes.write(CostClasses.of(seconds));
      costs.add(seconds);
    }
    return List.of(new OfPartition(partition, classes.toByteArray(), costs)).iterator();
  }

  /** The seconds of a row; 0 if it will fail at once. */
  double seconds(RowOutcome outcome, Storage storage, AtomicInteger problems) {
    if (!(outcome instanceof ManifestRow row)) {
      return 0;
    }
    if (WorkOfRow.needsHeaders(row) && problems.get() >= MOST_PROBLEMS) {
      return model.seconds(WorkOfRow.usual(row));
    }
    try {
      return model.seconds(WorkOfRow.of(row, storage, folders));
    } catch (RowFailure e) {
      if (e.errorClass() != ErrorClass.IMAGE_UNREADABLE) {
        return 0;
      }
      problems.incrementAndGet();
    } catch (InvalidRequestException e) {
      return 0;
    } catch (RuntimeException e) {
      // The edit will say what is wrong with the place of the file.
      problems.incrementAndGet();
    }
    return model.seconds(WorkOfRow.usual(row));
  }
}
