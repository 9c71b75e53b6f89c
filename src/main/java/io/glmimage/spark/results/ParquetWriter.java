package io.glmimage.spark.results;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.PlaceFailures;
import io.glmimage.output.ResultColumn;
import java.util.Arrays;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Writes a Parquet table with the files of the edited images in a column {@code image}. */
final class ParquetWriter implements PackWriter {
  private static final long serialVersionUID = 1L;
  private static final int ROWS_PER_FILE = 1000;
  private static final String IMAGE = "image";

  @Override
  public String folder() {
    return "pictures";
  }

  @Override
  public int rowsPerFile(EditedImageOptions options) {
    return ROWS_PER_FILE;
  }

  @Override
  public void write(JavaRDD<Row> rows, Target target) {
    Broadcast<HadoopSettings> hadoop = target.hadoop();
    int path = target.schema().fieldIndex(ResultColumn.OUTPUT_PATH.column());
    JavaRDD<Row> withImages =
        rows.map(
            row -> {
              Object[] values = new Object[row.size()];
              for (int i = 0; i < values.length; i++) {
                values[i] = row.get(i);
              }
              values[path] = new PackedRow(row).image(hadoop.value().storage());
              return RowFactory.create(values);
            });
    // The image takes the place of its path.
    StructField[] fields = target.schema().fields();
    fields = Arrays.copyOf(fields, fields.length);
    fields[path] = DataTypes.createStructField(IMAGE, DataTypes.BinaryType, true);
    DataFrameWriter<Row> writer =
        target
            .spark()
            .createDataFrame(withImages, new StructType(fields))
            .write()
            .mode(SaveMode.Overwrite);
    PlaceFailures.run("write " + target.folder(), () -> writer.parquet(target.folder()));
  }
}
