package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ManifestSchemaTest {
  private static final ManifestColumn PATHS =
      new ManifestColumn("image_paths", ColumnKind.TEXT_LIST, "array<string>");
  private static final ManifestColumn PROMPT =
      new ManifestColumn("prompt", ColumnKind.TEXT, "string");

  private static ManifestSchema bind(
      Map<String, String> columns, List<String> dropped, ManifestColumn... more) {
    List<ManifestColumn> all = new ArrayList<>(List.of(PATHS, PROMPT));
    all.addAll(List.of(more));
    return ManifestSchema.bind(
        all, new ManifestOptions("m.parquet", columns, dropped), List.of("status", "prompt"));
  }

  private static String problem(
      Map<String, String> columns, List<String> dropped, ManifestColumn... more) {
    return assertThrows(UsageException.class, () -> bind(columns, dropped, more)).getMessage();
  }

  @Test
  void findsColumnsWhateverTheirCaseAndPassesOthersThrough() {
    ManifestSchema schema =
        bind(
            Map.of(),
            List.of("junk"),
            new ManifestColumn("label", ColumnKind.OTHER, "map<string,int>"),
            new ManifestColumn("Seed", ColumnKind.INTEGER, "int"),
            new ManifestColumn("junk", ColumnKind.TEXT, "string"));
    assertEquals(3, schema.position(ManifestField.SEED));
    assertEquals(-1, schema.position(ManifestField.ID));
    assertArrayEquals(new int[] {2}, schema.passedThrough());
  }

  @Test
  void namesEveryMissingAndIllTypedColumnAtOnce() {
    String message =
        assertThrows(
                UsageException.class,
                () ->
                    ManifestSchema.bind(
                        List.of(
                            new ManifestColumn("caption", ColumnKind.TEXT, "string"),
                            new ManifestColumn("seed", ColumnKind.TEXT, "string"),
                            new ManifestColumn("id", ColumnKind.FLOATING, "double"),
                            new ManifestColumn("image_paths", ColumnKind.OTHER, "binary")),
                        new ManifestOptions("m.parquet", Map.of(), List.of()),
                        List.of("seed", "image_paths")))
            .getMessage();
    assertFalse(message.contains("--drop-columns"), message);
    assertTrue(message.contains("column prompt is missing"), message);
    assertTrue(message.contains("--columns prompt=caption"), message);
    assertTrue(message.contains("column seed is of type string, expected a number"), message);
    assertTrue(message.contains("column image_paths is of type binary"), message);
    assertTrue(message.contains("column id is of type double"), message);
    assertTrue(message.contains("astype(\"Int64\")"), message);
    assertTrue(message.contains("Its columns are caption string"), message);
  }

  @Test
  void takesColumnsByOtherNames() {
    ManifestSchema schema =
        bind(
            Map.of("id", "name"), List.of(), new ManifestColumn("name", ColumnKind.TEXT, "string"));
    assertEquals(2, schema.position(ManifestField.ID));
    assertArrayEquals(new int[] {}, schema.passedThrough());
    assertTrue(problem(Map.of("id", "none"), List.of()).contains("column none is missing"));
    String unknown = problem(Map.of("promt", "x"), List.of());
    assertTrue(unknown.contains("promt is not one of prompt, image_paths"), unknown);
  }

  @Test
  void aColumnOfTwoFieldsIsRefused() {
    assertEquals(
        "Invalid --columns: id=prompt names the column of prompt, and a column holds one field"
            + " (name another column for one of them, such as prompt=NAME, or rename the column in"
            + " the manifest)",
        problem(Map.of("id", "prompt"), List.of()));
    for (String[] map :
        new String[][] {{"prompt", "image_paths"}, {"id", "WIDTH"}, {"seed", "id"}}) {
      String message = problem(Map.of(map[0], map[1]), List.of());
      String start = "Invalid --columns: " + map[0] + "=" + map[1] + " names the column of ";
      assertTrue(
          message.toLowerCase(Locale.ROOT).startsWith((start + map[1]).toLowerCase(Locale.ROOT)),
          message);
    }
    String both = problem(Map.of("prompt", "x", "id", "x"), List.of());
    assertTrue(both.contains("prompt=x names the column of id"), both);
    // Fields may exchange their columns.
    ManifestColumn id = new ManifestColumn("id", ColumnKind.TEXT, "string");
    ManifestSchema swapped = bind(Map.of("prompt", "id", "id", "prompt"), List.of(), id);
    assertEquals(2, swapped.position(ManifestField.PROMPT));
    assertEquals(1, swapped.position(ManifestField.ID));
  }

  @Test
  void aMissingColumnOfAFieldThatHasItsOwnIsNamedOnce() {
    String message = problem(Map.of("prompt", "nope"), List.of());
    assertTrue(
        message.startsWith(
            "Cannot use manifest m.parquet: column nope of --columns prompt=nope is missing, but"
                + " there is a column prompt (leave prompt out of --columns, or name a column that"
                + " exists). Its columns are"),
        message);
  }

  @Test
  void refusesColumnsNamedLikeResultColumns() {
    ManifestColumn status = new ManifestColumn("Status", ColumnKind.TEXT, "string");
    String message = problem(Map.of(), List.of(), status);
    assertTrue(message.contains("column Status has the name of a column of the result"), message);
    assertTrue(message.contains("--drop-columns Status"), message);
    assertArrayEquals(new int[] {}, bind(Map.of(), List.of("status"), status).passedThrough());
    assertTrue(problem(Map.of(), List.of("nope")).contains("column nope of --drop-columns"));
  }
}
