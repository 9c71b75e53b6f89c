package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.regexp_replace;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.Redaction;
import io.glmimage.manifest.ManifestField;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** Credentials in the paths of a manifest. The job never reads them, so a copy needs none. */
final class PathCredentials {
  private PathCredentials() {}

  /** The rows of a manifest with the credentials in their paths hidden. */
  static Dataset<Row> hidden(Dataset<Row> rows) {
    Dataset<Row> clean = rows;
    for (ManifestField field : List.of(ManifestField.IMAGE_PATHS, ManifestField.MASK_PATH)) {
      String name = field.column();
      DataType type =
          List.of(rows.columns()).contains(name) ? rows.schema().apply(name).dataType() : null;
      if (DataTypes.StringType.equals(type)) {
        clean = clean.withColumn(name, hidden(col(name)));
      } else if (type instanceof ArrayType list
          && list.elementType().equals(DataTypes.StringType)) {
        clean = clean.withColumn(name, transform(col(name), PathCredentials::hidden));
      }
    }
    return clean;
  }

  private static Column hidden(Column path) {
    String hidden = "$1" + Redaction.HIDDEN;
    Column clean = regexp_replace(path, Redaction.BUCKET_USER_INFO, hidden + "@");
    clean = regexp_replace(clean, Redaction.URL_USER_INFO, hidden + "@");
    return when(
            clean.rlike("(?i)^https?://"), regexp_replace(clean, Redaction.SIGNED_QUERY, hidden))
        .otherwise(clean);
  }
}
