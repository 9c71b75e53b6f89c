package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where the manifest is and how its columns are named.
 *
 * @param path a file or a folder of files
 * @param columns manifest column by field name, for columns with names of their own ({@code
 *     prompt=caption})
 * @param dropped pass-through columns to leave out of the result table
 * @param format how it is written, or null to find out
 */
public record ManifestOptions(
    String path, Map<String, String> columns, List<String> dropped, ManifestFormat format)
    implements Serializable {
  /** Of a format that is to be found out. */
  public ManifestOptions(String path, Map<String, String> columns, List<String> dropped) {
    this(path, columns, dropped, null);
  }

  public ManifestOptions {
    columns = Map.copyOf(columns);
    dropped = List.copyOf(dropped);
    List<String> known = Arrays.stream(ManifestField.values()).map(ManifestField::column).toList();
    List<String> unknown = new ArrayList<>(new TreeMap<>(columns).keySet());
    unknown.removeAll(known);
    if (!unknown.isEmpty()) {
      throw new UsageException(
          "Invalid --columns: " + unknown.get(0) + " is none of " + String.join(", ", known));
    }
  }

  /** What the field's column is called in this manifest. */
  public String columnOf(ManifestField field) {
    return columns.getOrDefault(field.column(), field.column());
  }
}
