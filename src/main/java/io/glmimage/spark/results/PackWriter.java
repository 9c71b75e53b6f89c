package io.glmimage.spark.results;

import io.glmimage.io.HadoopSettings;
import java.io.IOException;
import java.io.Serializable;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * Writes the edited images of a finished run in one packed format. To add a format, write a class
 * that implements this interface and name it in {@link Packing}.
 */
interface PackWriter extends Serializable {
  /** The name of the folder of packed images in the output folder. */
  String folder();

  /** How many rows of the manifest one packed file covers. */
  int rowsPerFile(EditedImageOptions options);

  /**
   * Writes all files. Each must appear whole or not at all.
   *
   * @param rows the rows of {@link PackedRow#table}; partition k holds the rows of file k, in the
   *     order of the manifest
   */
  void write(JavaRDD<Row> rows, Target target) throws IOException;

  /**
   * Where and how packed images are written.
   *
   * @param schema of the rows
   * @param folder path of the folder of packed images; it is empty
   * @param hadoop opens storage in tasks
   * @param options how the edited images are encoded
   */
  record Target(
      SparkSession spark,
      StructType schema,
      String folder,
      Broadcast<HadoopSettings> hadoop,
      EditedImageOptions options) {}
}
