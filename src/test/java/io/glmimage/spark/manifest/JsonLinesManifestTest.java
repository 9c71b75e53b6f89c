package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The columns of JSON Lines that pass through. */
class JsonLinesManifestTest extends SharedLocalSpark {
  /** A manifest with these values in a line each, as {@code "m":1}. */
  private Path manifest(String... values) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String value : values) {
      lines.add(
          "{\"id\":\"%d\",\"prompt\":\"p\",\"image_paths\":\"a.png\",%s}"
              .formatted(lines.size(), value));
    }
    return LocalSpark.text(folder.resolve("m.jsonl"), lines.toArray(String[]::new));
  }

  private static ManifestTable open(Path manifest, String... dropped) {
    return spark.open(new ManifestOptions(manifest.toString(), Map.of(), Arrays.asList(dropped)));
  }

  /** The columns that pass through as text, with their types, and their values as JSON. */
  private static List<String> passed(ManifestTable table) {
    List<String> passed = new ArrayList<>();
    passed.add(table.passedThrough().simpleString());
    passed.addAll(
        table
            .rows()
            .select(
                Arrays.stream(table.passedThrough().fieldNames())
                    .map(SqlColumns::of)
                    .toArray(Column[]::new))
            .toJSON()
            .collectAsList());
    return passed;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "\"n\":{\"k\":1,\"K\":2}|\"x\":1|n.K (line 1 of m.jsonl) and n.k (line 1 of m.jsonl)",
        "\"n\":{\"k\":1}|\"n\":{\"K\":2}|n.K (line 2 of m.jsonl) and n.k (line 1 of m.jsonl)",
        "\"n\":[{\"k\":1}]|\"n\":[{\"K\":2}]|n[].K (line 2 of m.jsonl) and n[].k (line 1 of",
        "\"n\":{\"a\":{\"k\":1}}|\"n\":{\"a\":{\"K\":1}}|n.a.K (line 2 of m.jsonl) and n.a.k (line"
      })
  void nestedKeysThatDifferOnlyInCaseAreRefusedUnlessTheColumnIsDropped(
      String first, String second, String keys) throws IOException {
    Path manifest = manifest(first, second);
    String message = assertThrows(UsageException.class, () -> open(manifest)).getMessage();
    assertTrue(
        message.startsWith(
            "Cannot use manifest "
                + manifest
                + ": column n has keys that differ only in case: "
                + keys),
        message);
    assertTrue(message.endsWith("or leave the column out with --drop-columns n)"), message);
    ManifestTable dropped = open(manifest, "n");
    assertEquals(2, dropped.rows().count());
    assertEquals(-1, Arrays.asList(dropped.passedThrough().fieldNames()).indexOf("n"));
  }

  @Test
  void columnsOfDifferentLinesThatDifferOnlyInCaseAreRefusedUnlessDropped() throws IOException {
    Path manifest = manifest("\"k\":1", "\"K\":2");
    String message = assertThrows(UsageException.class, () -> open(manifest)).getMessage();
    assertTrue(
        message.contains(
            "some lines have the field K and some k, such as line 2 of m.jsonl and line 1 of"),
        message);
    assertTrue(message.endsWith("or leave both out with --drop-columns k)"), message);
    assertArrayEquals(new String[0], open(manifest, "k").passedThrough().fieldNames());
  }

  @Test
  void keysThatDifferInCaseInATextAreNoNames() throws IOException {
    Path manifest = manifest("\"n\":{\"k\":1,\"K\":2}", "\"n\":\"x\"");
    assertEquals(
        List.of("struct<n:string>", "{\"n\":\"{\\\"k\\\":1,\\\"K\\\":2}\"}", "{\"n\":\"x\"}"),
        passed(open(manifest)));
  }

  @Test
  void numbersThatADoubleCannotHoldPassThroughAsText() throws IOException {
    ManifestTable table =
        open(
            manifest(
                "\"m\":9007199254740993,\"n\":[{\"s\":\"a\",\"v\":1e400}]",
                "\"m\":1.50,\"n\":[{\"v\":1e-400},{\"v\":2.0}]",
                "\"m\":null",
                "\"m\":12345678901234567890"));
    assertEquals(
        List.of(
            "struct<m:string,n:array<struct<s:string,v:string>>>",
            "{\"m\":\"9007199254740993\",\"n\":[{\"s\":\"a\",\"v\":\"1e400\"}]}",
            "{\"m\":\"1.50\",\"n\":[{\"v\":\"1e-400\"},{\"v\":\"2.0\"}]}",
            "{}",
            "{\"m\":\"12345678901234567890\"}"),
        passed(table));
    assertEquals(
        List.of(
            "column m has numbers that a double cannot hold; it passes through as text, with the"
                + " digits as written",
            "column n[].v has numbers that a double cannot hold; it passes through as text, with"
                + " the digits as written"),
        table.warnings());
  }

  @Test
  void numbersInATextAreAsWritten() throws IOException {
    assertEquals(
        List.of(
            "struct<m:string>",
            "{\"m\":\"x\"}",
            "{\"m\":\"1e400\"}",
            "{\"m\":\"{\\\"b\\\": [1.5e400]}\"}",
            "{\"m\":\"true\"}"),
        passed(
            open(
                manifest("\"m\":\"x\"", "\"m\":1e400", "\"m\":{\"b\": [1.5e400]}", "\"m\":true"))));
  }

  @Test
  void ordinaryNumbersKeepTheirTypes() throws IOException {
    ManifestTable table =
        open(
            manifest(
                "\"a\":9007199254740993,\"b\":12345678901234567890,\"c\":1.5,\"d\":0.1",
                "\"a\":1,\"b\":2,\"c\":9007199254740992,\"d\":0.30000000000000004"));
    assertEquals(
        List.of(
            "struct<a:bigint,b:decimal(20,0),c:double,d:double>",
            "{\"a\":9007199254740993,\"b\":12345678901234567890,\"c\":1.5,\"d\":0.1}",
            "{\"a\":1,\"b\":2,\"c\":9.007199254740992E15,\"d\":0.30000000000000004}"),
        passed(table));
    assertEquals(List.of(), table.warnings());
  }

  @Test
  void emptyObjectsPassThroughAsText() throws IOException {
    ManifestTable table =
        open(
            manifest(
                "\"a\":{},\"b\":[{}],\"c\":{\"d\":{},\"e\":1},\"f\":{\"g\":{}},\"h\":{}",
                "\"a\":null,\"b\":[],\"h\":{\"i\":1}"));
    assertEquals(
        List.of(
            "struct<a:string,b:string,c:struct<d:string,e:bigint>,f:string,h:struct<i:bigint>>",
            "{\"a\":\"{}\",\"b\":\"[{}]\",\"c\":{\"d\":\"{}\",\"e\":1},\"f\":\"{\\\"g\\\":{}}\","
                + "\"h\":{}}",
            "{\"b\":\"[]\",\"h\":{\"i\":1}}"),
        passed(table));
    assertEquals(
        "column a has only empty objects, which a table cannot hold; it passes through as text",
        table.warnings().get(0));
  }

  @Test
  void aDroppedColumnMayHoldAnything() throws IOException {
    Path manifest = manifest("\"m\":{},\"n\":1e400", "\"m\":{},\"n\":1.5");
    ManifestTable table = open(manifest, "m", "N");
    assertArrayEquals(new String[0], table.passedThrough().fieldNames());
    assertEquals(List.of(), table.warnings());
    assertEquals(2, table.rows().count());
  }
}
