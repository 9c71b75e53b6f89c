package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The location of the manifest and the names of its columns.
 *
 * @param path a file or a folder of files, or the name of a table
 * @param columns column of the manifest by field name, for columns with other names ({@code
 *     prompt=caption})
 * @param dropped columns that do not pass through to the result table
 * @param format format of the files, or null to detect it
 * @param delimiter between the values of CSV, or null for the one of the format
 * @param resultRows which rows to take if the manifest is a result table
 * @param place whether the path is one, or the name of a table
 * @param imageFolder base of relative image paths; null for the folder that holds the manifest
 */
public record ManifestOptions(
    String path,
    Map<String, String> columns,
    List<String> dropped,
    ManifestFormat format,
    Character delimiter,
    ResultRows resultRows,
    Place place,
    String imageFolder)
    implements Serializable {
  /** Where a manifest is. */
  public enum Place {
    FILES,
    /** A table of a Spark catalog. */
    TABLE
  }

  /** Options of a manifest that is not a result table. */
  public ManifestOptions(
      String path,
      Map<String, String> columns,
      List<String> dropped,
      ManifestFormat format,
      Character delimiter) {
    this(path, columns, dropped, format, delimiter, ResultRows.EDITED, Place.FILES, null);
  }

  /** Options with the delimiter of the format. */
  public ManifestOptions(
      String path, Map<String, String> columns, List<String> dropped, ManifestFormat format) {
    this(path, columns, dropped, format, null);
  }

  /** Options of a manifest whose format is detected. */
  public ManifestOptions(String path, Map<String, String> columns, List<String> dropped) {
    this(path, columns, dropped, null, null);
  }

  public ManifestOptions {
    columns = Map.copyOf(columns);
    dropped = List.copyOf(dropped);
    if (delimiter != null && "\"\r\n".indexOf(delimiter) >= 0) {
      throw new UsageException(
          "Invalid --delimiter: a quotation mark or a line end cannot separate values");
    }
    columns.forEach(
        (field, name) -> {
          if (field.isBlank() || name.isBlank()) {
            throw new UsageException(
                "Invalid --columns: "
                    + field
                    + "="
                    + name
                    + ", expected FIELD=NAME, such as prompt=caption");
          }
        });
    List<String> known = Arrays.stream(ManifestField.values()).map(ManifestField::column).toList();
    List<String> unknown = new ArrayList<>(new TreeMap<>(columns).keySet());
    unknown.removeAll(known);
    if (!unknown.isEmpty()) {
      throw new UsageException(
          "Invalid --columns: " + unknown.get(0) + " is not one of " + String.join(", ", known));
    }
    checkDistinct(columns);
  }

  /** Refuses a column that two fields would have. */
  private static void checkDistinct(Map<String, String> columns) {
    Map<String, ManifestField> fields = new HashMap<>();
    for (ManifestField field : ManifestField.values()) {
      String name = columns.getOrDefault(field.column(), field.column());
      ManifestField other = fields.put(name.toLowerCase(Locale.ROOT), field);
      if (other != null) {
        ManifestField mapped = columns.containsKey(other.column()) ? other : field;
        ManifestField second = mapped == other ? field : other;
        throw new UsageException(
            "Invalid --columns: "
                + mapped.column()
                + "="
                + name
                + " names the column of "
                + second.column()
                + ", and a column holds one field (name another column for one of them, such as "
                + second.column()
                + "=NAME, or rename the column in the manifest)");
      }
    }
  }

  /** These options for a manifest at another place. */
  public ManifestOptions withPath(String newPath) {
    return new ManifestOptions(
        newPath, columns, dropped, format, delimiter, resultRows, place, imageFolder);
  }

  /** These options with other dropped columns. */
  public ManifestOptions withDropped(List<String> names) {
    return new ManifestOptions(
        path, columns, names, format, delimiter, resultRows, place, imageFolder);
  }

  /** Whether the manifest is a table of a Spark catalog. */
  public boolean isTable() {
    return place == Place.TABLE;
  }

  /** The column that holds a field in this manifest. */
  public String columnOf(ManifestField field) {
    return columns.getOrDefault(field.column(), field.column());
  }

  /** The field that a column holds, ignoring case, or null for a column that passes through. */
  public ManifestField fieldOf(String column) {
    return Arrays.stream(ManifestField.values())
        .filter(field -> columnOf(field).equalsIgnoreCase(column))
        .findFirst()
        .orElse(null);
  }
}
