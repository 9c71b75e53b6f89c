package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** Which position of a manifest row holds what: checked once, before any work, on the driver. */
public final class ManifestSchema implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int ABSENT = -1;

  private final EnumMap<ManifestField, Integer> positions;
  private final int[] passedThrough;
  private final int problem;

  private ManifestSchema(
      EnumMap<ManifestField, Integer> positions, int[] passedThrough, int problem) {
    this.problem = problem;
    this.positions = positions;
    this.passedThrough = passedThrough;
  }

  /**
   * Finds the columns, names compared without regard to case as Spark does.
   *
   * @param columns of the manifest, in order
   * @param resultColumns names that no passed-through column may have
   * @throws UsageException naming every missing, ill-typed or clashing column
   */
  public static ManifestSchema bind(
      List<ManifestColumn> columns, ManifestOptions options, Collection<String> resultColumns) {
    Map<String, Integer> byName = new LinkedHashMap<>();
    for (int i = 0; i < columns.size(); i++) {
      byName.put(lower(columns.get(i).name()), i);
    }
    List<String> problems = new ArrayList<>();
    EnumMap<ManifestField, Integer> positions = new EnumMap<>(ManifestField.class);
    boolean[] used = new boolean[columns.size()];
    for (ManifestField field : ManifestField.values()) {
      String name = options.columnOf(field);
      Integer position = byName.get(lower(name));
      if (position == null) {
        if (field.required() || options.columns().containsKey(field.column())) {
          problems.add(
              "column "
                  + name
                  + " is missing (add it, or name another with --columns "
                  + field.column()
                  + "=NAME)");
        }
      } else if (!field.takes(columns.get(position).kind())) {
        problems.add(
            "column "
                + name
                + " is of type "
                + columns.get(position).type()
                + ", expected "
                + field.wanted());
      } else if (used[position]) {
        problems.add("column " + name + " is mapped twice by --columns");
      } else {
        positions.put(field, position);
        used[position] = true;
      }
    }
    TreeSet<String> reserved = new TreeSet<>();
    resultColumns.forEach(name -> reserved.add(lower(name)));
    TreeSet<String> dropped = new TreeSet<>();
    for (String name : options.dropped()) {
      if (!byName.containsKey(lower(name))) {
        problems.add("column " + name + " of --drop-columns does not exist");
      }
      dropped.add(lower(name));
    }
    List<Integer> passed = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      String name = columns.get(i).name();
      if (used[i] || dropped.contains(lower(name)) || name.equals(InternalColumns.PROBLEM)) {
        continue;
      }
      // A field's own column is never passed on even when another column is mapped to the field.
      if (reserved.contains(lower(name))) {
        problems.add(
            "column "
                + name
                + " has the name of a column of the result table (rename it, or leave it out with"
                + " --drop-columns "
                + name
                + ")");
      }
      passed.add(i);
    }
    if (!problems.isEmpty()) {
      throw new UsageException(
          "Cannot use manifest "
              + options.path()
              + ": "
              + String.join("; ", problems)
              + ". Its columns are "
              + String.join(
                  ", ",
                  columns.stream()
                      .filter(c -> !c.name().equals(InternalColumns.PROBLEM))
                      .map(c -> c.name() + " " + c.type())
                      .toList()));
    }
    return new ManifestSchema(
        positions,
        passed.stream().mapToInt(i -> i).toArray(),
        byName.getOrDefault(InternalColumns.PROBLEM, ABSENT));
  }

  /** Positions of the columns that go to the result table unchanged. */
  public int[] passedThrough() {
    return passedThrough.clone();
  }

  /** The values of the passed-through columns, in order. */
  public Object[] passedThrough(Object[] row) {
    Object[] values = new Object[passedThrough.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = row[passedThrough[i]];
    }
    return values;
  }

  /** Where a field's column is, or -1. */
  public int position(ManifestField field) {
    return positions.getOrDefault(field, ABSENT);
  }

  /** Why the row could not be read, or null. */
  String problem(Object[] row) {
    return problem == ABSENT ? null : (String) row[problem];
  }

  Object value(Object[] row, ManifestField field) {
    int position = position(field);
    return position == ABSENT ? null : row[position];
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
