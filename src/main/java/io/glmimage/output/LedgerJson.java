package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The format of the ledger: text files with one result row per line, as a JSON object whose names
 * are the columns of {@link ResultColumn}. Null values are left out.
 */
public final class LedgerJson {

  private LedgerJson() {}

  /** A result row as JSON. */
  public static String row(Map<ResultColumn, Object> values) {
    Map<String, Object> fields = new LinkedHashMap<>();
    values.forEach((column, value) -> fields.put(column.column(), value));
    try {
      return Json.MAPPER.writeValueAsString(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write plain values as JSON", e);
    }
  }

  /** A ledger file of these result rows. */
  public static byte[] file(List<String> rows) {
    return (String.join("\n", rows) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /** The result rows in a ledger file. */
  public static List<String> rows(byte[] file) {
    // Only \n ends a row: String.lines() would split at \r too.
    List<String> rows = new ArrayList<>();
    for (String row : new String(file, StandardCharsets.UTF_8).split("\n")) {
      if (!row.isEmpty()) {
        rows.add(row);
      }
    }
    return rows;
  }

  /**
   * The result rows in a ledger file, by row id.
   *
   * @throws JsonProcessingException if the file is not a ledger file
   */
  public static Map<String, String> byId(byte[] file) throws JsonProcessingException {
    Map<String, String> byId = new LinkedHashMap<>();
    for (String row : rows(file)) {
      byId.put(text(row, ResultColumn.ID), row);
    }
    return byId;
  }

  /** Whether this is the result row of a failed row. */
  public static boolean isFailed(String row) throws JsonProcessingException {
    return ResultStatus.FAILED.name().equals(text(row, ResultColumn.STATUS));
  }

  /** The texts in a JSON list, such as the row ids in a journal. */
  public static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  private static String text(String row, ResultColumn column) throws JsonProcessingException {
    return Json.MAPPER.readTree(row).path(column.column()).asText();
  }
}
