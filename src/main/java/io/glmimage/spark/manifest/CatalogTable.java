package io.glmimage.spark.manifest;

import io.glmimage.error.Causes;
import io.glmimage.error.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * A table of a Spark catalog, such as an Iceberg, Delta or Hive table.
 *
 * @param name as the user gives it: {@code db.rows} or {@code catalog.db.rows}
 * @param parts of the name, without quotation marks
 */
public record CatalogTable(String name, List<String> parts) {
  private static final Pattern PART = Pattern.compile("`((?:[^`]|``)+)`|([^`.\\s/\\\\:;'\"]+)");
  private static final Pattern MISSING_CLASS =
      Pattern.compile("class for catalog '([^']*)': ([\\w$]+(?:\\.[\\w$]+)*)");

  public CatalogTable {
    parts = List.copyOf(parts);
  }

  /**
   * Reads a name.
   *
   * @param option that gives the name, for the message
   * @throws UsageException if it is not the name of a table
   */
  public static CatalogTable of(String option, String name) {
    List<String> parts = new ArrayList<>();
    Matcher part = PART.matcher(name);
    int at = 0;
    while (part.find(at) && part.start() == at) {
      parts.add(part.group(1) == null ? part.group(2) : part.group(1).replace("``", "`"));
      at = part.end();
      if (at == name.length()) {
        return new CatalogTable(name, parts);
      }
      if (name.charAt(at++) != '.') {
        break;
      }
    }
    throw new UsageException(
        "Invalid "
            + option
            + ": "
            + name
            + ", expected the name of a table, such as db.rows or catalog.db.rows (a path is given"
            + " with --manifest or --output)");
  }

  /** The name in SQL. */
  public String quoted() {
    return String.join(".", parts.stream().map(SqlColumns::quoted).toList());
  }

  /**
   * Opens the table; empty if there is no such table.
   *
   * @throws UsageException if its catalog cannot be used
   */
  public Optional<Dataset<Row>> open(SparkSession spark) {
    try {
      return Optional.of(spark.table(quoted()));
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare.
      if (isMissing(e)) {
        return Optional.empty();
      }
      throw new UsageException("Cannot open table " + name + ": " + why(e), e);
    }
  }

  /** The message for a table that does not exist. */
  public String missing(SparkSession spark) {
    String catalog = spark.catalog().currentCatalog();
    String known =
        parts.size() > 2
            ? ""
            : "; a table of another catalog than "
                + catalog
                + " is given as catalog.db.table, with the catalog in spark.sql.catalog.NAME";
    return "there is no such table, or no such catalog or database" + known;
  }

  private static boolean isMissing(Throwable error) {
    String message = String.valueOf(error.getMessage());
    return message.contains("TABLE_OR_VIEW_NOT_FOUND")
        || message.contains("SCHEMA_NOT_FOUND")
        || message.contains("REQUIRES_SINGLE_PART_NAMESPACE");
  }

  /** Why a table cannot be used, in one line. */
  public static String why(Throwable error) {
    Throwable root = Causes.root(error);
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      Matcher missing = MISSING_CLASS.matcher(String.valueOf(cause.getMessage()));
      if (missing.find()) {
        return lacks("catalog " + missing.group(1), missing.group(2));
      }
      if (cause.getCause() == cause) {
        break;
      }
    }
    if (root instanceof ClassNotFoundException || root instanceof NoClassDefFoundError) {
      return lacks("its catalog", String.valueOf(root.getMessage()).replace('/', '.'));
    }
    return Causes.firstLine(root);
  }

  private static String lacks(String what, String className) {
    return what
        + " needs the class "
        + className
        + ", which is not on the class path (add its jar: --packages or --jars of spark-submit, or"
        + " GLM_IMAGE_CLASS_PATH in the embedded mode)";
  }
}
