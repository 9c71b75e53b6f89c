package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.quality.QualityFigures;
import io.glmimage.quality.QualityLimits;
import io.glmimage.spark.PlanShape;
import io.glmimage.spark.TinySpark;
import io.glmimage.spark.manifest.ResultManifest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The result table is made by expressions of Spark SQL, which Spark RAPIDS can run on a GPU. */
@Tag("spark")
class ResultPlanTest extends TinySpark {
  @TempDir private Path folder;

  private static Double figure(Random random, double... likely) {
    return switch (random.nextInt(8)) {
      case 0 -> null;
      case 1 -> Double.NaN;
      case 2 -> random.nextDouble();
      default -> likely[random.nextInt(likely.length)];
    };
  }

  @Test
  void flagsAreThoseOfTheLimits() {
    QualityLimits limits = new QualityLimits(0.25, 0.9);
    Random random = new Random(1);
    List<Row> figures = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      Double changed = figure(random, -0.0, 0.1, 0.25, 0.5, 0.9, 0.95, 1);
      Double ssim = figure(random, -1, QualityLimits.DESTROYED_SSIM, 0.1, 0.5);
      if (changed != null && ssim == null) {
        ssim = 0.0;
      }
      figures.add(
          RowFactory.create(
              changed, ssim, figure(random, QualityLimits.FLAT_FLATNESS, 0.99, 1.0, 0.5)));
    }
    StructType schema = StructType.fromDDL("changed_fraction double, ssim double, flatness double");
    Set<String> seen = new TreeSet<>();
    for (Row row :
        spark
            .createDataFrame(figures, schema)
            .select(col("*"), struct(col("*")).as(InternalColumns.RESULT))
            .withColumn("flag", ResultAssembly.flag(limits))
            .collectAsList()) {
      Double flatness = row.getAs("flatness");
      String expected =
          flatness == null
              ? null
              : limits
                  .flag(
                      new QualityFigures(
                          row.getAs("changed_fraction"), row.getAs("ssim"), null, flatness))
                  .name();
      assertEquals(expected, row.getAs("flag"), row.toString());
      seen.add(String.valueOf(expected));
    }
    assertEquals(Set.of("OK", "UNCHANGED", "DESTROYED", "FLAT", "null"), seen);
  }

  @Test
  void theTableIsMadeWithoutRowByRowCode() throws IOException, ReflectiveOperationException {
    OutputLayout output = new OutputLayout(folder.toString());
    StructType schema = ResultsTable.schema(new StructType());
    spark.createDataFrame(List.of(), schema).coalesce(1).write().parquet(output.results());
    StoredResults stored =
        new StoredResults(
            spark,
            JavaSparkContext.fromSparkContext(spark.sparkContext())
                .broadcast(new HadoopSettings(spark.sparkContext().hadoopConfiguration())),
            output);
    Dataset<Row> newest = stored.newestRows(EnumSet.allOf(ResultColumn.class));
    assertEquals(List.of(), PlanShape.rowByRow(newest));

    Dataset<Row> planned =
        spark
            .range(5)
            .select(
                col("id").as(InternalColumns.INDEX),
                col("id").cast("string").as(InternalColumns.ID),
                lit("f").as(InternalColumns.FINGERPRINT),
                lit("l").as("la.bel"));
    Dataset<Row> table =
        ResultAssembly.table(
            planned, newest, new StructType().add("la.bel", "string"), new QualityLimits(0, 1));
    int[] keys = PartitionKeys.of(3);
    assertEquals(List.of(), PlanShape.rowByRow(PartitionKeys.add(table, lit(1), keys)));
  }

  @Test
  void theFiguresOfTheReportAreMadeWithoutRowByRowCode() throws ReflectiveOperationException {
    OutputLayout output = new OutputLayout(folder.toString());
    StructType schema = ResultsTable.schema(new StructType());
    spark.createDataFrame(List.of(), schema).coalesce(1).write().parquet(output.results());
    ResultFigures figures =
        new ResultFigures(
            ResultsTable.open(spark, new Storage(new Configuration()), output.root()));
    assertEquals(List.of(), PlanShape.rowByRow(figures.bins()));
    assertEquals(List.of(), PlanShape.rowByRow(figures.examples(List.of("MODEL_ERROR"))));
    // Spark aggregates approximate quantiles as objects, and Spark RAPIDS translates them.
    assertEquals(
        Set.of("ObjectHashAggregateExec"), Set.copyOf(PlanShape.rowByRow(figures.totals())));
  }

  @Test
  void pathsInTheFolderOfImagesAreRebased() {
    Pattern images = Pattern.compile("^.*/images/((?:[^/]+/)?[^/]+)$", Pattern.DOTALL);
    String[] parts = {"/", "/", "images", "a", "b.png", "", "\n", "images/", "s3a://x"};
    Random random = new Random(1);
    List<String> paths =
        new ArrayList<>(List.of("/o/images/a.png", "/o/images/b/a.png", "images/a"));
    for (int i = 0; i < 3000; i++) {
      StringBuilder path = new StringBuilder(random.nextBoolean() ? "/o/images" : "");
      for (int length = random.nextInt(7); length > 0; length--) {
        path.append(parts[random.nextInt(parts.length)]);
      }
      paths.add(path.toString());
    }
    String name = ResultColumn.OUTPUT_PATH.column();
    OutputLayout output = new OutputLayout("/new");
    Dataset<Row> table =
        spark.createDataset(paths, Encoders.STRING()).toDF("path").withColumn(name, col("path"));
    int inImages = 0;
    for (Row row : ResultManifest.rebased(table, output).collectAsList()) {
      Matcher found = images.matcher(row.getString(0));
      boolean matches = found.matches();
      inImages += matches ? 1 : 0;
      String expected = matches ? output.images() + "/" + found.group(1) : row.getString(0);
      assertEquals(expected, row.getAs(name), row.getString(0));
    }
    assertTrue(inImages > 100 && inImages < 2900, "in images: " + inImages);
  }

  @Test
  void rowsGetTheKeyOfTheirPartition() {
    for (int partitions : new int[] {1, 7}) {
      int[] keys = PartitionKeys.of(partitions);
      List<Row> rows =
          PartitionKeys.add(spark.range(20).toDF(), col("id").mod(partitions).cast("int"), keys)
              .collectAsList();
      assertEquals(20, rows.size());
      for (Row row : rows) {
        assertEquals(
            keys[(int) (row.getLong(0) % partitions)], row.<Integer>getAs(InternalColumns.PLACE));
      }
      assertTrue(rows.get(0).size() == 2, "no other column is left");
    }
  }
}
