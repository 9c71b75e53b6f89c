package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Result lines on their way into the table: JSON, one object a line, with the columns of {@link
 * ResultColumn}.
 */
public final class ResultLines {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ResultLines() {}

  /**
   * @param values in the order of {@link ResultColumn}
   */
  public static String json(Object[] values) {
    Map<String, Object> fields = new LinkedHashMap<>();
    ResultColumn[] columns = ResultColumn.values();
    for (int i = 0; i < columns.length; i++) {
      if (values[i] != null) {
        fields.put(columns[i].column(), values[i]);
      }
    }
    try {
      return JSON.writeValueAsString(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Texts and numbers can be written as JSON", e);
    }
  }

  /** A file of lines. */
  public static byte[] file(List<String> lines) {
    return (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /** The lines of a file. */
  public static List<String> of(byte[] file) {
    return new String(file, StandardCharsets.UTF_8).lines().filter(l -> !l.isEmpty()).toList();
  }

  /**
   * The lines of a file by their rows' ids.
   *
   * @throws JsonProcessingException if the file is not one of lines
   */
  public static Map<String, String> byId(byte[] file) throws JsonProcessingException {
    Map<String, String> lines = new LinkedHashMap<>();
    for (String line : new String(file, StandardCharsets.UTF_8).split("\n")) {
      if (!line.isEmpty()) {
        lines.put(text(line, ResultColumn.ID), line);
      }
    }
    return lines;
  }

  /** Whether this is the line of a row that failed. */
  public static boolean isFailed(String line) throws JsonProcessingException {
    return ResultStatus.FAILED.name().equals(text(line, ResultColumn.STATUS));
  }

  /** The ids that a JSON list holds. */
  public static List<String> ids(JsonNode list) {
    List<String> ids = new ArrayList<>();
    list.forEach(id -> ids.add(id.asText()));
    return ids;
  }

  private static String text(String line, ResultColumn column) throws JsonProcessingException {
    return JSON.readTree(line).path(column.column()).asText();
  }
}
