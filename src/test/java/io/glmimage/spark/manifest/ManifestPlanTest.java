package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.manifest.InternalColumns;
import io.glmimage.spark.PlanShape;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Rows of Parquet manifests are read, counted and numbered by expressions of Spark SQL, which Spark
 * RAPIDS can run on a GPU. One step goes row by row.
 */
@Tag("spark")
class ManifestPlanTest extends SharedLocalSpark {
  private static final String CHECK = "ScalaUDF " + IdentifiedRows.CHECK_ROW;
  private static final String CONTENT_KEY = "ScalaUDF " + RowKeys.CONTENT_KEY;

  /** Opens a manifest with these ids; null for a manifest without ids. */
  private ManifestTable manifest(String... ids) {
    StructType schema =
        new StructType()
            .add("prompt", DataTypes.StringType)
            .add("image_paths", DataTypes.createArrayType(DataTypes.StringType))
            .add("label", DataTypes.StringType);
    if (ids.length > 0) {
      schema = schema.add("id", DataTypes.StringType);
    }
    String[] paths = {"a.png"};
    Row[] rows = new Row[4];
    for (int i = 0; i < rows.length; i++) {
      rows[i] =
          ids.length > 0
              ? RowFactory.create("p", paths, "l", ids[i])
              : RowFactory.create("p" + i % 2, paths, "l");
    }
    Path path = folder.resolve("m" + ids.length);
    return spark.open(spark.parquet(path, schema, rows));
  }

  private static List<String> rowByRow(Dataset<Row> rows) throws ReflectiveOperationException {
    return PlanShape.rowByRow(rows).stream().distinct().toList();
  }

  @Test
  void rowsWithIdsAreCountedAndNumberedByExpressions() throws ReflectiveOperationException {
    ManifestTable manifest = manifest("a", "b", "c", "d");
    Dataset<Row> keyed = IdentifiedRows.keyed(manifest);
    assertEquals(List.of(), rowByRow(manifest.rows()));
    assertEquals(List.of(), rowByRow(KeyCounts.plan(keyed)));
    assertEquals(List.of(), rowByRow(PartitionCounts.of(manifest.rows()).index(keyed)));

    Dataset<Row> planned = manifest.identify().planned("model");
    assertEquals(List.of(CHECK), PlanShape.rowByRow(planned));
    assertEquals(List.of(), rowByRow(planned.select(InternalColumns.INDEX, InternalColumns.ID)));
  }

  @Test
  void rowsWithoutIdsHaveOneMoreFunction() throws ReflectiveOperationException {
    ManifestTable manifest = manifest();
    Dataset<Row> planned = manifest.identify().planned("model");
    assertEquals(
        List.of(CHECK, CONTENT_KEY), rowByRow(planned).stream().sorted().toList(), "numbered");
    assertEquals(4, planned.select(InternalColumns.ID).distinct().count());
  }

  @Test
  void rowByRowCodeIsSeen() throws ReflectiveOperationException {
    Dataset<Row> rows = manifest("a", "b", "c", "d").rows();
    Dataset<Row> copy = spark.session().createDataFrame(rows.javaRDD(), rows.schema());
    assertTrue(rowByRow(copy).contains("RDDScanExec"), "through an RDD");
    Dataset<Row> typed = rows.filter((FilterFunction<Row>) row -> true);
    assertTrue(rowByRow(typed).contains("CreateExternalRow"), "through a typed function");
  }
}
