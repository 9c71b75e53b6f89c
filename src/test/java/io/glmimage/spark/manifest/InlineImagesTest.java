package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowOutcome;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;

/** Parquet tables with image files, as Hugging Face datasets write them. */
class InlineImagesTest extends SharedLocalSpark {
  private static final String FILE =
      "named_struct('bytes', cast('abc' AS BINARY), 'path', 'x.png')";
  private static final String NAME = "named_struct('bytes', cast(null AS BINARY), 'path', 'x.png')";
  private static final String NEITHER =
      "named_struct('bytes', cast(null AS BINARY), 'path', cast(null AS STRING))";
  private static final String URL =
      "data:image;base64,"
          + Base64.getEncoder().encodeToString("abc".getBytes(StandardCharsets.UTF_8));

  private Map<String, RowOutcome> outcomes(String select, Map<String, String> columns) {
    Path manifest = folder.resolve("rows");
    spark.session().sql(select).repartition(1).write().parquet(manifest.toString());
    ManifestOptions options = new ManifestOptions(manifest.toString(), columns, List.of());
    Map<String, RowOutcome> outcomes = new TreeMap<>();
    for (Row row : spark.open(options).identify().planned("model").collectAsList()) {
      PlannedRow planned = PlannedRow.of(row);
      outcomes.put(planned.id(), planned.outcome());
    }
    return outcomes;
  }

  private static List<String> sources(RowOutcome row) {
    return assertInstanceOf(ManifestRow.class, row).sources();
  }

  @Test
  void structsHaveBytesOrAPath() {
    Map<String, RowOutcome> rows =
        outcomes(
            ("SELECT * FROM VALUES ('bytes', 'p', FILE), ('path', 'p', NAME), ('neither', 'p', NONE),"
                    + " ('null', 'p', null) AS t(id, prompt, image)")
                .replace("FILE", FILE)
                .replace("NAME", NAME)
                .replace("NONE", NEITHER),
            Map.of("image_paths", "image"));
    assertEquals(List.of(URL), sources(rows.get("bytes")));
    assertEquals(
        List.of("file:" + folder.resolve("x.png")),
        sources(rows.get("path")).stream()
            .map(path -> path.replace("file:///", "file:/"))
            .toList());
    assertEquals(List.of(), sources(rows.get("null")));
    String problem = assertInstanceOf(Rejection.class, rows.get("neither")).message();
    assertTrue(problem.contains("image_paths holds an empty path"), problem);
  }

  @Test
  void listsOfStructsAreSeveralSources() {
    Map<String, RowOutcome> rows =
        outcomes(
            ("SELECT 'two' id, 'p' prompt, array(FILE, NAME) images UNION ALL SELECT 'none', 'p',"
                    + " null UNION ALL SELECT 'empty', 'p', array() UNION ALL SELECT 'gap', 'p',"
                    + " array(FILE, null)")
                .replace("FILE", FILE)
                .replace("NAME", NAME),
            Map.of("image_paths", "images"));
    assertEquals(2, sources(rows.get("two")).size());
    assertEquals(URL, sources(rows.get("two")).get(0));
    assertEquals(List.of(), sources(rows.get("none")));
    assertEquals(List.of(), sources(rows.get("empty")));
    assertInstanceOf(Rejection.class, rows.get("gap"));
  }

  @Test
  void bytesAloneAreAnImageAndSoIsAMask() {
    Map<String, RowOutcome> rows =
        outcomes(
            "SELECT 'a' id, 'p' prompt, cast('abc' AS BINARY) image, FILE mask"
                .replace("FILE", FILE),
            Map.of("image_paths", "image", "mask_path", "mask"));
    assertEquals(List.of(URL), sources(rows.get("a")));
    assertEquals(URL, assertInstanceOf(ManifestRow.class, rows.get("a")).mask().path());
  }

  @Test
  void aRowWithAnImageInAnotherColumnDoesNotBecomeTextToImage() {
    Map<String, RowOutcome> rows =
        outcomes(
            "SELECT 'a' id, 'p' prompt, cast(null AS STRING) image_paths, FILE image"
                .replace("FILE", FILE),
            Map.of());
    String problem = assertInstanceOf(Rejection.class, rows.get("a")).message();
    assertTrue(problem.contains("the column image has a value"), problem);
  }
}
