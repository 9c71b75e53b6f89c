package io.glmimage.spark.results;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.output.TarWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;

/**
 * Writes WebDataset shards. A sample has three files: the edited image, the prompt ({@code .txt})
 * and the settings ({@code .json}).
 */
final class WebDatasetWriter implements PackWriter {
  private static final long serialVersionUID = 1L;

  @Override
  public String folder() {
    return "shards";
  }

  @Override
  public int rowsPerFile(EditedImageOptions options) {
    return options.shardRows();
  }

  @Override
  public void write(JavaRDD<Row> rows, Target target) {
    Broadcast<HadoopSettings> hadoop = target.hadoop();
    String folder = target.folder();
    String extension = target.options().format().extension();
    int shards = rows.getNumPartitions();
    rows.foreachPartition(
        shardRows -> {
          if (shardRows.hasNext()) {
            int shard = TaskContext.getPartitionId();
            String name =
                String.format(Locale.ROOT, "%s/shard-%06d-of-%06d.tar", folder, shard, shards);
            write(hadoop.value().storage(), name, extension, shardRows);
          }
        });
  }

  private static void write(Storage storage, String name, String extension, Iterator<Row> rows)
      throws IOException {
    // A list, without the images themselves, because a failed write starts again.
    List<PackedRow> samples = new ArrayList<>();
    rows.forEachRemaining(row -> samples.add(new PackedRow(row)));
    storage.write(
        name,
        out -> {
          TarWriter tar = new TarWriter(out);
          for (PackedRow sample : samples) {
            // WebDataset takes a file's name up to the first dot as the key, and ids have dots.
            String key = String.format(Locale.ROOT, "%012d", sample.index());
            tar.file(key + extension, sample.image(storage));
            tar.file(key + ".json", sample.json().getBytes(StandardCharsets.UTF_8));
            tar.file(key + ".txt", sample.prompt().getBytes(StandardCharsets.UTF_8));
          }
          tar.finish();
        });
  }
}
