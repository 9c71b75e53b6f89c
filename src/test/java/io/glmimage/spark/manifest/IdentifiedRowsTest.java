package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestRow;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;

/** Ids of rows, and manifests of some of them. */
class IdentifiedRowsTest extends SharedLocalSpark {
  /** Writes a manifest of two files; each row is "id,prompt". */
  private Path manifest(String... rows) throws IOException {
    Path manifest = folder.resolve("m.csv");
    List<String> lines = new ArrayList<>(List.of("id,prompt,image_paths"));
    for (String row : rows) {
      lines.add(row + ",");
    }
    int half = (lines.size() + 1) / 2;
    List<String> second = new ArrayList<>(lines.subList(half, lines.size()));
    second.add(0, lines.get(0));
    LocalSpark.text(manifest.resolve("1.csv"), lines.subList(0, half).toArray(String[]::new));
    LocalSpark.text(manifest.resolve("2.csv"), second.toArray(String[]::new));
    return manifest;
  }

  private static List<String> ids(Path manifest) {
    return spark.planned(manifest).stream().map(PlannedRow::id).toList();
  }

  @Test
  void rowsKeepTheirOwnIdsAndOrder() throws IOException {
    Path manifest = manifest("c,p", "a,p", "b,q", "10,q");
    IdentifiedRows rows = spark.open(manifest).identify();
    assertEquals(4, rows.size());
    List<PlannedRow> planned = spark.planned(manifest);
    assertEquals(List.of("c", "a", "b", "10"), ids(manifest));
    for (int i = 0; i < planned.size(); i++) {
      assertEquals(i, planned.get(i).outcome().index());
    }
  }

  @Test
  void aManifestWithoutRowsIsNoted() throws IOException {
    assertEquals(
        List.of(
            "Warning: the manifest has no rows, so there is nothing to edit (was it written to its"
                + " end?)"),
        spark.open(manifest()).identify().notes());
  }

  @Test
  void equalRowsWithoutIdsAreNumberedInTheOrderOfTheManifest() throws IOException {
    List<PlannedRow> rows = spark.planned(manifest(",p", ",q", ",p", ",p", "mine,p"));
    String id = rows.get(0).id();
    assertTrue(id.matches("row-[0-9a-f]{20}"), id);
    assertEquals(id + "-2", rows.get(2).id());
    assertEquals(id + "-3", rows.get(3).id());
    assertEquals("mine", rows.get(4).id());
    Set<Long> seeds = new TreeSet<>();
    rows.forEach(row -> seeds.add(((ManifestRow) row.outcome()).settings().seed()));
    assertEquals(5, seeds.size(), "equal rows give different images");
  }

  @Test
  void planningDoesNotDependOnCounting() throws IOException {
    Path manifest = manifest(",p", ",p");
    IdentifiedRows rows = spark.open(manifest).identify();
    List<Row> first = rows.planned("model").collectAsList();
    assertEquals(2, rows.size());
    assertEquals(Set.copyOf(first), Set.copyOf(rows.planned("model").collectAsList()));
    assertEquals(2, first.stream().map(row -> PlannedRow.of(row).id()).distinct().count());
  }

  @Test
  void refusesRowsWithTheIdOfAnotherRow() throws IOException {
    Path manifest = manifest("a,p", "b,q", "a,r", "a,p", "b,p");
    String message =
        assertThrows(UsageException.class, () -> spark.open(manifest).identify()).getMessage();
    assertEquals(
        "Cannot use manifest "
            + manifest
            + ": 3 rows have the id of an earlier row (a, b); ids name the edited images, so make"
            + " them unique",
        message);
  }

  @Test
  void refusesAnIdThatIsTheNameOfAnotherRow() throws IOException {
    String name = ids(manifest(",p", "x,q")).get(0);
    Path manifest = manifest(",p", name + ",q");
    String message =
        assertThrows(UsageException.class, () -> spark.open(manifest).identify()).getMessage();
    assertTrue(message.contains("1 row has the id of an earlier row (" + name + ")"), message);
  }

  @Test
  void anEmptyManifestHasNoRows() throws IOException {
    assertEquals(0, spark.open(manifest()).identify().size());
  }

  @Test
  void aSubsetGivesTheSameRowsInAnotherFolder() throws IOException {
    Path csv =
        LocalSpark.text(
            folder.resolve("a/m.csv"),
            "prompt,image_paths,seed,label",
            "p,x.png,,one",
            "q,x.png|s3a://b/y.png,5,two",
            "q,,many,three");
    IdentifiedRows rows = spark.open(csv).identify();
    List<PlannedRow> all = spark.planned(csv);
    Dataset<Row> ids =
        spark
            .session()
            .createDataset(List.of(all.get(1).id(), all.get(0).id()), Encoders.STRING())
            .toDF("id");
    Path subset = folder.resolve("b/failed");
    rows.subset(ids, 1).write().parquet(subset.toString());

    List<PlannedRow> again = spark.planned(subset);
    assertEquals(2, again.size());
    for (int i = 0; i < again.size(); i++) {
      assertEquals(all.get(i).fingerprint(), again.get(i).fingerprint());
      assertEquals(all.get(i).id(), again.get(i).id());
    }
    assertEquals("struct<label:string>", spark.open(subset).passedThrough().simpleString());
  }
}
