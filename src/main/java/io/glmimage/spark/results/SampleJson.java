package io.glmimage.spark.results;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;

/** The {@code .json} of a WebDataset sample: the row's settings and its other columns. */
final class SampleJson {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SampleJson() {}

  /**
   * @param row as {@link Packer} makes them: columns of the result table, one of JSON, the path
   */
  static String of(Row row) {
    Map<String, Object> fields = new LinkedHashMap<>();
    List<String> names = List.of(row.schema().fieldNames());
    for (int i = 0; i < row.size() - 2; i++) {
      fields.put(names.get(i), names.get(i).equals("image_paths") ? row.getList(i) : row.get(i));
    }
    try {
      String others = row.getString(row.size() - 2);
      fields.put("columns", others == null ? Map.of() : JSON.readTree(others));
      return JSON.writeValueAsString(fields) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("What Spark wrote as JSON can be read", e);
    }
  }
}
