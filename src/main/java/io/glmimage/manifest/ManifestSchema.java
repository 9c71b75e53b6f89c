package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** The positions of the fields in a manifest. Checked once, on the driver, before any work. */
public final class ManifestSchema implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int ABSENT = -1;

  private final EnumMap<ManifestField, Integer> positions;
  private final int[] passedThrough;
  private final int problem;

  private ManifestSchema(
      EnumMap<ManifestField, Integer> positions, int[] passedThrough, int problem) {
    this.positions = positions;
    this.passedThrough = passedThrough;
    this.problem = problem;
  }

  /**
   * Finds the fields. Column names are compared without regard to case, as Spark does.
   *
   * @param columns of the manifest, in order
   * @param resultColumns names that a column that passes through must not have
   * @throws UsageException naming every column that is missing, of a wrong type, or in conflict
   */
  public static ManifestSchema bind(
      List<ManifestColumn> columns, ManifestOptions options, Collection<String> resultColumns) {
    Map<String, Integer> byName = new LinkedHashMap<>();
    for (int i = 0; i < columns.size(); i++) {
      byName.put(lower(columns.get(i).name()), i);
    }
    List<String> problems = new ArrayList<>();
    EnumMap<ManifestField, Integer> positions = positions(columns, byName, options, problems);
    List<Integer> passed = passed(columns, byName, positions, options, resultColumns, problems);
    if (!problems.isEmpty() && columns.size() <= 2) {
      columns.stream()
          .map(ManifestColumn::name)
          .filter(name -> name.chars().anyMatch(c -> ";\t|,".indexOf(c) >= 0))
          .findFirst()
          .ifPresent(
              name ->
                  problems.add(
                      "the header is not separated here: name its separator with --delimiter"));
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

  private static EnumMap<ManifestField, Integer> positions(
      List<ManifestColumn> columns,
      Map<String, Integer> byName,
      ManifestOptions options,
      List<String> problems) {
    EnumMap<ManifestField, Integer> positions = new EnumMap<>(ManifestField.class);
    for (ManifestField field : ManifestField.values()) {
      String name = options.columnOf(field);
      Integer position = byName.get(lower(name));
      if (position == null) {
        if (field.required() || options.columns().containsKey(field.column())) {
          problems.add(missing(field, name, columns, byName, options));
        }
      } else if (!field.accepts(columns.get(position).kind())) {
        problems.add(
            "column "
                + name
                + " is of type "
                + columns.get(position).type()
                + ", expected "
                + field.expected()
                + advice(field, columns.get(position).kind()));
      } else {
        positions.put(field, position);
      }
    }
    return positions;
  }

  private static String missing(
      ManifestField field,
      String name,
      List<ManifestColumn> columns,
      Map<String, Integer> byName,
      ManifestOptions options) {
    if (isReplaced(field, options) && byName.containsKey(lower(field.column()))) {
      return "column "
          + name
          + " of --columns "
          + field.column()
          + "="
          + name
          + " is missing, but there is a column "
          + field.column()
          + " (leave "
          + field.column()
          + " out of --columns, or name a column that exists)";
    }
    String other =
        NearMisses.of(
                field,
                columns.stream()
                    .filter(column -> field.accepts(column.kind()))
                    .map(ManifestColumn::name)
                    .toList(),
                options)
            .stream()
            .findFirst()
            .orElse("NAME");
    return "column "
        + name
        + " is missing (add it, or name another with --columns "
        + field.column()
        + "="
        + other
        + ")";
  }

  /** Whether {@code --columns} gives the field another column than that of its own name. */
  private static boolean isReplaced(ManifestField field, ManifestOptions options) {
    return !options.columnOf(field).equalsIgnoreCase(field.column());
  }

  private static String advice(ManifestField field, ColumnKind kind) {
    return field == ManifestField.ID && kind == ColumnKind.FLOATING
        ? " (pandas makes floating-point numbers of whole numbers with nulls: convert the column with"
            + " astype(\"Int64\"))"
        : "";
  }

  private static List<Integer> passed(
      List<ManifestColumn> columns,
      Map<String, Integer> byName,
      EnumMap<ManifestField, Integer> positions,
      ManifestOptions options,
      Collection<String> resultColumns,
      List<String> problems) {
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
      ManifestField field = options.fieldOf(name);
      boolean illTyped = field != null && !field.accepts(columns.get(i).kind());
      if (positions.containsValue(i)
          || illTyped
          || dropped.contains(lower(name))
          || name.equals(InternalColumns.PROBLEM)) {
        continue;
      }
      // A column with the name of a field never passes through, even if another one is mapped.
      if (reserved.contains(lower(name)) && !standsForMissing(name, byName, options)) {
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
    return passed;
  }

  /** Whether a column has the name of a field whose column of {@code --columns} is missing. */
  private static boolean standsForMissing(
      String name, Map<String, Integer> byName, ManifestOptions options) {
    return Arrays.stream(ManifestField.values())
        .anyMatch(
            field ->
                field.column().equalsIgnoreCase(name)
                    && isReplaced(field, options)
                    && !byName.containsKey(lower(options.columnOf(field))));
  }

  /** Positions of the columns that pass through to the result table. */
  public int[] passedThrough() {
    return passedThrough.clone();
  }

  /** Position of the column that holds a field, or -1. */
  public int position(ManifestField field) {
    return positions.getOrDefault(field, ABSENT);
  }

  /** Position of {@link InternalColumns#PROBLEM}, or -1. */
  public int problemPosition() {
    return problem;
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
