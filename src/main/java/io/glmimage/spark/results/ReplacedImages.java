package io.glmimage.spark.results;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Removes edited images whose rows have edited images in another format now. */
final class ReplacedImages {
  /** Requests to an object store mostly wait. */
  private static final int THREADS = 16;

  private static final int REMOVALS_AT_ONCE = 512;

  private ReplacedImages() {}

  /**
   * @param table a result table
   * @param extensions the extensions of the files to remove, with their dots
   */
  static void remove(
      Dataset<Row> table,
      Set<String> extensions,
      OutputLayout output,
      Broadcast<HadoopSettings> hadoop) {
    if (extensions.isEmpty()) {
      return;
    }
    List<String> replaced = List.copyOf(extensions);
    table
        .select(ResultColumn.ID.column())
        .javaRDD()
        .foreachPartition(ids -> remove(ids, replaced, output, hadoop.value().storage()));
  }

  private static void remove(
      Iterator<Row> ids, List<String> extensions, OutputLayout output, Storage storage)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      while (ids.hasNext()) {
        List<Callable<Void>> removals = new ArrayList<>();
        while (ids.hasNext() && removals.size() < REMOVALS_AT_ONCE) {
          String id = ids.next().getAs(ResultColumn.ID.column());
          for (String extension : extensions) {
            removals.add(
                () -> {
                  storage.delete(output.image(id, extension));
                  return null;
                });
          }
        }
        for (Future<Void> removed : threads.invokeAll(removals)) {
          removed.get();
        }
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
