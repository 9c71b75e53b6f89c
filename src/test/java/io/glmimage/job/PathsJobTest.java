package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.spark.manifest.LiteralPaths;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Paths of users are literal, and linked folders are visited once. */
@Tag("spark")
class PathsJobTest extends SharedSession {
  private static final Path RESOURCES = Path.of("src", "test", "resources", "paths");

  /** As patterns, the names match the decoys of the same index. */
  private static final List<String> NAMES =
      List.of("rows[1]{x,y}o*z w?x", "back\\slash a:b", "a b%20c#d", "cafe\u0301 caf\u00e9");

  private static final List<String> DECOYS =
      List.of("rows1xoXz wXx", "backslash a:b", "a b c", "caf\u00e9 caf\u00e9");

  private final JobConsole job = new JobConsole();

  private static void lines(Path file, String... lines) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, String.join("\n", lines) + "\n", StandardCharsets.UTF_8);
  }

  private static void image(Path file, int value) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, JobConsole.png(64, 96, value));
  }

  private static List<Row> results(String output) {
    return LiteralPaths.reader(spark).parquet(output + "/results").collectAsList();
  }

  /** Every name, one in another. */
  private static String nested() {
    return String.join("/", NAMES);
  }

  /** Folders of which one name is a decoy, or all. */
  private static List<String> decoys() {
    List<String> paths = new ArrayList<>(List.of(String.join("/", DECOYS)));
    for (int i = 0; i < NAMES.size(); i++) {
      List<String> names = new ArrayList<>(NAMES);
      names.set(i, DECOYS.get(i));
      paths.add(String.join("/", names));
    }
    return paths;
  }

  @Test
  void everyNameIsLiteral() throws IOException {
    for (String decoy : decoys()) {
      lines(folder.resolve(decoy + "/m.jsonl"), "{\"id\":\"WRONG\",\"prompt\":\"p\"}");
    }
    Path base = folder.resolve(nested());
    List<String> images = new ArrayList<>(NAMES);
    images.add(nested());
    List<String> rows = new ArrayList<>();
    for (String name : images) {
      image(base.resolve(name + ".png"), 10);
      String path = name.replace("\\", "\\\\") + ".png";
      rows.add(
          "{\"id\":\"RIGHT"
              + rows.size()
              + "\",\"prompt\":\"p\",\"image_paths\":\""
              + path
              + "\"}");
    }
    lines(base.resolve("m.jsonl"), rows.toArray(String[]::new));
    String output = base + "/out" + nested();

    assertEquals(0, job.edit(base + "/m.jsonl", output), job::err);
    assertEquals(5, job.edited());
    for (Row row : results(output)) {
      String id = row.getAs("id");
      assertTrue(id.startsWith("RIGHT"), id);
      assertEquals("file:" + output + "/images/" + id + ".png", row.getAs("output_path"));
    }

    assertEquals(0, job.edit(base + "/m.jsonl", output), job::err);
    assertEquals(0, job.edited(), "the second run finds the results of the first");
    assertEquals(0, job.run("show", "--results", output), job::err);
    assertTrue(job.out().contains("RIGHT"), job.out());
    assertEquals(0, job.run("validate", "--manifest", base + "/m.jsonl"), job::err);
  }

  @Test
  void aParquetManifestWithBracketsIsNotAPattern() throws IOException {
    Files.copy(RESOURCES.resolve("right.parquet"), folder.resolve("rows[1].parquet"));
    image(folder.resolve("a.png"), 10);
    String manifest = folder + "/rows[1].parquet";
    assertEquals(0, job.edit(manifest, folder + "/alone"), job::err);
    Files.copy(RESOURCES.resolve("wrong.parquet"), folder.resolve("rows1.parquet"));
    assertEquals(0, job.edit(manifest, folder + "/both"), job::err);
    for (String output : List.of("alone", "both")) {
      assertEquals("RIGHT", results(folder + "/" + output).get(0).getAs("id"));
    }
  }

  @Test
  void fileUrisAreDecoded() throws IOException {
    Path base = folder.resolve("a b[1]");
    image(base.resolve("x%20 y.png"), 10);
    lines(
        base.resolve("m.jsonl"),
        "{\"id\":\"r\",\"prompt\":\"p\",\"image_paths\":\""
            + base.resolve("x%20 y.png").toUri()
            + "\"}");
    String output = folder.resolve("o 1").toUri().toString();
    assertTrue(output.contains("o%201"), output);
    assertEquals(0, job.edit(base.resolve("m.jsonl").toUri().toString(), output), job::err);
    assertTrue(Files.exists(folder.resolve("o 1/images/r.png")));
  }

  @Test
  void pathsThatHadoopWouldMisreadAreRefusedBeforeAnyWork() throws IOException {
    lines(folder.resolve("m.jsonl"), "{\"id\":\"r\",\"prompt\":\"p\"}");
    assertEquals(1, job.edit(folder + "/m.jsonl", "out:1"));
    assertEquals(
        "Invalid path: out:1, \"out:\" would be a scheme; write ./out:1 for a file name",
        lastLine(job.err()));
    assertEquals(1, job.edit("rows:1.jsonl", folder + "/out"));
    assertTrue(job.err().contains("write ./rows:1.jsonl for a file name"), job.err());
    assertFalse(job.err().contains("\tat "), job.err());
  }

  @Test
  void linkedFoldersDoNotMultiplyRows() throws IOException {
    for (String name : List.of("one", "two")) {
      image(folder.resolve(name + "/a.png"), 10);
    }
    Files.createSymbolicLink(folder.resolve("one/self"), Path.of("."));
    Files.createSymbolicLink(folder.resolve("two/s1"), Path.of("."));
    Files.createSymbolicLink(folder.resolve("two/s2"), Path.of(".."));
    for (String name : List.of("one", "two")) {
      String rows = folder + "/rows-" + name;
      assertEquals(
          0,
          job.run(
              "manifest",
              "--images",
              folder + "/" + name,
              "--recursive",
              "--output",
              rows,
              "--prompt",
              "x"),
          job::err);
      long expected = name.equals("one") ? 1 : 2;
      assertEquals(expected, LiteralPaths.reader(spark).parquet(rows).count(), name);
    }
  }

  @Test
  void aManifestFolderWithLinksHasEachRowOnce() throws IOException {
    Path rows = folder.resolve("rows[1]");
    Files.createDirectories(rows.resolve("part"));
    Files.copy(RESOURCES.resolve("right.parquet"), rows.resolve("part/x.parquet"));
    Files.copy(RESOURCES.resolve("wrong.parquet"), rows.resolve("part/_hidden.parquet"));
    image(folder.resolve("a.png"), 10);
    Files.createSymbolicLink(rows.resolve("s1"), Path.of("."));
    Files.createSymbolicLink(rows.resolve("s2"), Path.of("part"));
    assertEquals(0, job.edit(rows.toString(), folder + "/out"), job::err);
    List<Row> results = results(folder + "/out");
    assertEquals(1, results.size());
    assertEquals("RIGHT", results.get(0).getAs("id"));
  }

  /** What a command prints about the model comes before. */
  private static String lastLine(String text) {
    List<String> lines = text.lines().toList();
    return lines.get(lines.size() - 1);
  }
}
