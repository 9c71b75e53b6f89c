package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.pipeline.TestAdapter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The commands in README and on the pages. Commands of the job are run in this process, with {@link
 * io.glmimage.spark.engine.FakeEngines} and small inputs. Other commands are those that {@code
 * .ci/run} runs. A block that needs more has a mark before it: {@code <!-- needs a GPU -->}. Its
 * commands are only parsed.
 */
@Tag("spark")
class DocumentedCommandsTest extends SharedSession {
  private static final Path TINY = Path.of("src/main/resources/models/glm-image-tiny");
  private static final Set<String> NEEDS =
      Set.of("a GPU", "a cluster", "a catalog", "Airflow", "a download");
  private static final Pattern JOB =
      Pattern.compile("^(.*?)(?:jobs/edit-images\\.sh|spark-submit .*-job\\.jar)(?: |$)");

  /** Options whose values are places. */
  private static final Set<String> PLACES =
      Set.of("--manifest", "--output", "--images", "--results", "--model", "--lora");

  private final JobConsole job = new JobConsole();
  private final Set<String> ran = new TreeSet<>();

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>(List.of(Path.of("README.md")));
    for (String folder : List.of("src/site/markdown", ".github")) {
      try (Stream<Path> files = Files.list(Path.of(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
      }
    }
    return pages;
  }

  @Test
  void commandsRun() throws IOException {
    for (Path page : pages()) {
      Path place = Files.createDirectory(folder.resolve(page.getFileName()));
      for (ShellBlock block : ShellBlock.of(page)) {
        assertTrue(
            block.needs() == null || NEEDS.contains(block.needs()),
            page + ": unknown mark: needs " + block.needs());
        for (String command : block.commands()) {
          check(block, command, place);
        }
      }
    }
    // No page has lost its commands unnoticed.
    assertEquals(
        Set.of("manifest", "validate", "edit", "show", "inspect-model"), ran, "commands that ran");
  }

  private void check(ShellBlock block, String command, Path place) throws IOException {
    Matcher line = JOB.matcher(command);
    if (!line.find()) {
      if (block.needs() == null) {
        assertTrue(isCovered(command), block.page() + ": no test runs this command: " + command);
      }
      return;
    }
    List<String> words = new ArrayList<>(ShellBlock.words(command.substring(line.end())));
    words.removeAll(List.of("--embedded", "..."));
    if (words.isEmpty()) {
      return;
    }
    if (words.get(0).startsWith("-")) {
      words.add(0, "edit");
    }
    OptionTables.commandLine().setExpandAtFiles(false).parseArgs(words.toArray(String[]::new));
    if (block.needs() == null) {
      run(block.page() + ": " + command, words, place);
    }
  }

  /** Whether another test runs a command that is not the job's. */
  private static boolean isCovered(String command) throws IOException {
    if (command.startsWith("export ")) {
      String variable = command.replaceFirst("export (\\w+)=.*", "$1");
      return Files.readString(Path.of("jobs/edit-images.sh")).contains(variable);
    }
    if (command.startsWith("cp ")) {
      return Files.exists(Path.of(ShellBlock.words(command).get(1)));
    }
    return Files.readString(Path.of(".ci/run")).contains(command);
  }

  private void run(String what, List<String> words, Path place) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(words.get(0)));
    for (int i = 1; i < words.size(); i++) {
      String value = words.get(i);
      arguments.add(PLACES.contains(words.get(i - 1)) ? place(words, i, place) : value);
    }
    int code = job.run(arguments.toArray(String[]::new));
    // Some rows fail on purpose: there is a manifest of them.
    assertTrue(code == 0 || code == 2, () -> what + ": " + code + ": " + job.err());
    ran.add(words.get(0));
  }

  /** A place of a command below the test's folder; inputs are made if earlier commands did not. */
  private String place(List<String> words, int at, Path folderOfPage) throws IOException {
    String command = words.get(0);
    String option = words.get(at - 1);
    String[] value = words.get(at).split("=", 2);
    Path file = folderOfPage.resolve(value[0].replaceFirst("^s3a://", "").replaceFirst("^/", ""));
    if (!option.equals("--output") && !Files.exists(file)) {
      switch (option) {
        case "--model" -> copy(TINY, file);
        case "--lora" -> TestAdapter.write(file, 1);
        case "--images" -> image(file.resolve("1.png"));
        case "--results" -> edit(file);
        default -> {
          boolean ofRun = file.endsWith("out") || file.endsWith("failed-rows");
          if (ofRun) {
            edit(file.endsWith("out") ? file : file.getParent());
          } else {
            rows(file);
          }
        }
      }
    }
    if (command.equals("manifest") && option.equals("--output")) {
      Files.createDirectories(file.getParent());
    }
    return file + (value.length == 2 ? "=" + value[1] : "");
  }

  private void edit(Path output) throws IOException {
    Path rows = output.resolveSibling(output.getFileName() + "-rows.csv");
    rows(rows);
    assertEquals(2, job.edit(rows.toString(), output.toString(), "--model", "demo"), job::err);
  }

  /** Writes a manifest of two rows, of which the model refuses one. */
  private void rows(Path file) throws IOException {
    image(file.resolveSibling("1.png"));
    String text = "prompt,second_prompt,image_paths\np,q,1.png\nrefuse,q,1.png\n";
    if (file.toString().endsWith(".csv")) {
      Files.writeString(file, text);
    } else {
      Path csv = folder.resolve("for-parquet.csv");
      Files.writeString(csv, text, StandardCharsets.UTF_8);
      spark.read().option("header", "true").csv(csv.toString()).write().parquet(file.toString());
    }
  }

  private static void image(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, JobConsole.png(64, 64, 90));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path copy = to.resolve(from.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
  }

  @Test
  void commandsInTheTextParse() throws IOException {
    int commands = 0;
    for (Path page : pages()) {
      for (MatchResult code :
          Pattern.compile("`(jobs/edit-images\\.sh [^`\n]+)`")
              .matcher(Files.readString(page))
              .results()
              .toList()) {
        List<String> words = ShellBlock.words(code.group(1));
        words.removeIf(word -> word.equals("--embedded") || word.equals("jobs/edit-images.sh"));
        if (words.isEmpty() || words.contains("...") || words.get(0).startsWith("@")) {
          continue;
        }
        if (words.get(0).startsWith("-") && !words.get(0).equals("--help")) {
          words.add(0, "edit");
        }
        commands++;
        OptionTables.commandLine().setExpandAtFiles(false).parseArgs(words.toArray(String[]::new));
      }
    }
    assertTrue(commands > 0, "no command found");
  }

  @Test
  void testClassesInCommandsExist() throws IOException {
    Set<String> known = new TreeSet<>();
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      files.forEach(file -> known.add(file.getFileName().toString().replace(".java", "")));
    }
    List<String> unknown = new ArrayList<>();
    for (Path page : pages()) {
      for (MatchResult test :
          Pattern.compile("-Dtest=([\\w,]+)").matcher(Files.readString(page)).results().toList()) {
        for (String name : test.group(1).split(",")) {
          if (!known.contains(name)) {
            unknown.add(page + ": " + name);
          }
        }
      }
    }
    assertEquals(List.of(), unknown);
  }

  @Test
  void blocksAreFoundWithTheirMarks() throws IOException {
    Path page =
        Files.writeString(
            folder.resolve("page.md"),
            """
            <!-- needs a GPU -->
            ```sh
            A="b c" jobs/x.sh --a 'b c' \\
              --d="e f"   # comment
            ```
            ```java
            no();
            ```
            ```sh
            ls
            ```
            1. In a list:

               <!-- needs Airflow -->
               ```sh
               airflow version
               ```
            """);
    List<ShellBlock> blocks = ShellBlock.of(page);
    assertEquals(3, blocks.size());
    assertEquals("Airflow", blocks.get(2).needs());
    assertEquals(List.of("airflow version"), blocks.get(2).commands());
    assertEquals("a GPU", blocks.get(0).needs());
    String command = blocks.get(0).commands().get(0);
    assertEquals(List.of("A=b c", "jobs/x.sh", "--a", "b c", "--d=e f"), ShellBlock.words(command));
    assertEquals(List.of("ls"), blocks.get(1).commands());
  }
}
