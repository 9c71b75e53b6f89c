package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.spark.manifest.CatalogTable;
import io.glmimage.spark.results.CatalogResults;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** Options of the copy of the result table in a Spark catalog. */
final class ResultsTableFlags {
  @Option(
      names = "--results-table",
      paramLabel = "NAME",
      description =
          "Table of a Spark catalog, such as db.edits or catalog.db.edits, that gets the result rows"
              + " too. It is created if there is none. Default: none.")
  private String table;

  @Option(
      names = "--results-table-mode",
      paramLabel = "append|merge",
      defaultValue = "merge",
      description =
          "How rows are added to --results-table: append (one row for each row and run) or merge (one"
              + " row for each id, the newest; needs a format with MERGE, such as Iceberg or Delta)."
              + " Default: ${DEFAULT-VALUE}.")
  private CatalogResults.Mode mode;

  /** A table to write, before there is a Spark session. */
  record Choice(CatalogTable table, CatalogResults.Mode mode) {
    CatalogResults open(SparkSession spark) {
      return new CatalogResults(spark, table, mode);
    }
  }

  /**
   * The table to write; empty if there is none.
   *
   * @throws UsageException if its name is not one, or that of the manifest
   */
  Optional<Choice> choice(ManifestOptions manifest) {
    if (table == null) {
      return Optional.empty();
    }
    CatalogTable named = CatalogTable.of("--results-table", table);
    if (manifest.isTable()
        && CatalogTable.of("--manifest-table", manifest.path()).parts().equals(named.parts())) {
      throw new UsageException(
          "Cannot write results into the manifest table "
              + table
              + ": give another --results-table");
    }
    return Optional.of(new Choice(named, mode));
  }
}
