package io.glmimage.spark;

import io.glmimage.io.HadoopSettings;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.PictureEncoder;
import io.glmimage.plan.EditPlan;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import scala.Tuple2;

/** Carries out a plan: edits all rows and writes the result table. */
public final class EditRunner {
  private final SparkSession spark;
  private final EngineFactory engines;
  private final String device;
  private final PictureEncoder encoder;

  public EditRunner(
      SparkSession spark, EngineFactory engines, String device, PictureEncoder encoder) {
    this.encoder = encoder;
    this.spark = spark;
    this.engines = engines;
    this.device = device;
  }

  /**
   * @param progress counts rows while they are done; it may run ahead if a task is repeated
   */
  public void run(
      ManifestTable manifest, EditPlan plan, OutputLayout output, RowProgress progress) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    Broadcast<HadoopSettings> hadoop =
        context.broadcast(new HadoopSettings(spark.sparkContext().hadoopConfiguration()));
    int indexPosition = manifest.keyed().schema().fields().length - ManifestTable.ADDED_COLUMNS;
    try {
      JavaRDD<Row> results =
          manifest
              .keyed()
              .javaRDD()
              .mapToPair(row -> new Tuple2<>(row.getLong(indexPosition), plain(row)))
              .repartitionAndSortWithinPartitions(new PlanPartitioner(plan))
              .values()
              .mapPartitions(
                  new PartitionRunner(
                      manifest.reader(),
                      plan.batchSize(),
                      engines,
                      device,
                      output,
                      encoder,
                      hadoop,
                      progress.done(),
                      progress.failed()));
      StructType schema = ResultsTable.schema(manifest.passedThrough());
      spark.createDataFrame(results, schema).write().parquet(output.results());
    } finally {
      hadoop.destroy();
    }
  }

  /** Without its schema, which would otherwise travel with every row. */
  private static Row plain(Row row) {
    Object[] values = new Object[row.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = row.get(i);
    }
    return RowFactory.create(values);
  }
}
