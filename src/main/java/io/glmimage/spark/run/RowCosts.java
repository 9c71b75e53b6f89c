package io.glmimage.spark.run;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.plan.CostClasses;
import io.glmimage.plan.CostModel;
import io.glmimage.plan.RowWork;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.WorkOfRow;
import java.io.ByteArrayOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Estimates what rows cost, for the plan. Reads the header of a source image where the size of the
 * edited image depends on it. Never fails because of a row: an estimate decides no result.
 */
final class RowCosts implements Function2<Integer, Iterator<Row>, Iterator<RowCosts.OfPartition>> {
  private static final long serialVersionUID = 1L;

  /** A request to an object store takes about 30 ms, nearly all of it waiting. */
  private static final int THREADS = 16;

  /** Number of rows whose headers are read together. */
  private static final int CHUNK = 512;

  /** After so many files that could not be read, a task reads no more of them. */
  private static final int MOST_PROBLEMS = 3;

  /** A row of unknown size counts as one of this size. */
  private static final double USUAL_MEGAPIXELS = 1024 * 1024 / 1e6;

  /**
   * The rows of a partition.
   *
   * @param partition its number
   * @param classes the cost class of each row, in order
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record OfPartition(int partition, byte[] classes, CostClasses costs) implements Serializable {}

  private final CostModel model;
  private final Broadcast<HadoopSettings> hadoop;

  /**
   * @param hadoop reads headers
   */
  RowCosts(CostModel model, Broadcast<HadoopSettings> hadoop) {
    this.model = model;
    this.hadoop = hadoop;
  }

  @Override
  public Iterator<OfPartition> call(Integer partition, Iterator<Row> rows) {
    Storage storage = hadoop.value().storage();
    ExecutorService threads =
        Executors.newFixedThreadPool(THREADS, DaemonThreads.named("row-costs"));
    TaskCompletionListener end = context -> threads.shutdownNow();
    TaskContext.get().addTaskCompletionListener(end);
    ByteArrayOutputStream classes = new ByteArrayOutputStream();
    CostClasses costs = new CostClasses();
    AtomicInteger problems = new AtomicInteger();
    while (rows.hasNext()) {
      List<Future<Double>> chunk = new ArrayList<>();
      while (chunk.size() < CHUNK && rows.hasNext()) {
        RowOutcome row = PlannedRow.of(rows.next()).outcome();
        chunk.add(threads.submit(() -> seconds(row, storage, problems)));
      }
      for (Future<Double> one : chunk) {
        double seconds = answer(one);
        classes.write(CostClasses.of(seconds));
        costs.add(seconds);
      }
    }
    return List.of(new OfPartition(partition, classes.toByteArray(), costs)).iterator();
  }

  private static double answer(Future<Double> one) {
    try {
      return one.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while rows were planned", e);
    } catch (ExecutionException e) {
      throw new JobException("Cannot plan the rows: " + e.getCause(), e);
    }
  }

  /** The seconds of a row; 0 if it will fail at once. */
  double seconds(RowOutcome outcome, Storage storage, AtomicInteger problems) {
    if (!(outcome instanceof ManifestRow row)) {
      return 0;
    }
    if (WorkOfRow.needsHeaders(row) && problems.get() >= MOST_PROBLEMS) {
      return model.seconds(usual(row));
    }
    try {
      return model.seconds(WorkOfRow.of(row, storage));
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
    return model.seconds(usual(row));
  }

  private static RowWork usual(ManifestRow row) {
    EditSettings settings = row.settings();
    return new RowWork(
        USUAL_MEGAPIXELS,
        USUAL_MEGAPIXELS * row.sources().size(),
        settings.steps(),
        settings.stepCache(),
        settings.guidanceScale() > 1 ? 2 : 1);
  }
}
