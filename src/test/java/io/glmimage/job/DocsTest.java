package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.ErrorClass;
import io.glmimage.manifest.ManifestField;
import io.glmimage.output.ResultColumn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The pages say what the program does: links resolve, commands parse, options, defaults, columns
 * and classes exist. {@code mvn test -Dtest=DocsTest -Dupdate.docs=true} rewrites the tables of
 * options.
 */
class DocsTest {
  private static final Path PAGES = Path.of("src/site/markdown");
  private static final Path OPTIONS = PAGES.resolve("options.md");
  private static final int README_LINES = 200;

  /** Options in the pages that belong to the launcher, spark-submit, Maven or a test program. */
  private static final Set<String> FOREIGN_OPTIONS =
      Set.of(
          "--add-opens",
          "--conf",
          "--deploy-mode",
          "--driver-java-options",
          "--embedded",
          "--help",
          "--jars",
          "--local-dir",
          "--name",
          "--num-executors",
          "--packages",
          "--properties-file",
          "--size",
          "--version");

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    pages.add(Path.of("README.md"));
    for (Path folder : List.of(PAGES, Path.of(".github"))) {
      try (Stream<Path> files = Files.list(folder)) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
      }
    }
    return pages;
  }

  @Test
  void theReadmeIsShort() throws IOException {
    int lines = Files.readAllLines(Path.of("README.md")).size();
    assertTrue(lines <= README_LINES, "README.md has " + lines + " lines");
  }

  @Test
  void linksResolve() throws IOException {
    List<String> broken = new ArrayList<>();
    for (Path page : pages()) {
      broken.addAll(brokenLinks(page));
    }
    assertEquals(List.of(), broken);
  }

  @Test
  void aBrokenLinkIsFound(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("other.md"), "# A title: here\n");
    Path page =
        Files.writeString(
            folder.resolve("page.md"),
            """
            [right](other.md#a-title-here) [wrong page](none.md) [wrong title](other.md#there)
            ![wrong image](none.png) [elsewhere](https://example.org/none)
            """);
    assertEquals(
        List.of(
            folder.resolve("page.md") + ": none.md",
            folder.resolve("page.md") + ": other.md#there",
            folder.resolve("page.md") + ": none.png"),
        brokenLinks(page));
  }

  private static List<String> brokenLinks(Path page) throws IOException {
    List<String> broken = new ArrayList<>();
    String text = withoutCode(Files.readString(page));
    for (MatchResult link : matches("\\[[^\\]\\[]*\\]\\(([^)\\s]+)\\)|src=\"([^\"]+)\"", text)) {
      String target = link.group(1) == null ? link.group(2) : link.group(1);
      if (target.matches("[a-z]+:.*")) {
        continue;
      }
      String[] parts = target.split("#", 2);
      Path file = parts[0].isEmpty() ? page : page.resolveSibling(resource(page, parts[0]));
      boolean there = Files.exists(file);
      if (there && parts.length == 2) {
        there = anchors(file).contains(parts[1]);
      }
      if (!there) {
        broken.add(page + ": " + target);
      }
    }
    return broken;
  }

  /** The site plug-in puts {@code src/site/resources} beside the pages. */
  private static String resource(Path page, String target) {
    Path inSite = page.resolveSibling("../resources").resolve(target);
    return page.startsWith(PAGES) && Files.exists(inSite) ? "../resources/" + target : target;
  }

  /** Anchors of a page's headings, as GitHub makes them. */
  private static Set<String> anchors(Path page) throws IOException {
    Set<String> anchors = new TreeSet<>();
    for (MatchResult heading : matches("(?m)^#{1,6} +(.+)$", Files.readString(page))) {
      String name = heading.group(1).strip().toLowerCase(Locale.ROOT);
      anchors.add(name.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'));
    }
    return anchors;
  }

  @Test
  void tablesOfOptionsAreThoseOfTheCommandLine() throws IOException {
    String page = Files.readString(OPTIONS);
    String made = page;
    for (Map.Entry<String, CommandLine> command :
        OptionTables.commands(OptionTables.commandLine()).entrySet()) {
      String start = "<!-- options of " + command.getKey() + " -->\n";
      int at = made.indexOf(start);
      assertTrue(at >= 0, OPTIONS + " has no line " + start.strip());
      int end = made.indexOf("<!-- end -->", at);
      made =
          made.substring(0, at)
              + start
              + OptionTables.of(command.getValue().getCommandSpec())
              + made.substring(end);
    }
    if (Boolean.getBoolean("update.docs")) {
      Files.writeString(OPTIONS, made);
    } else {
      assertEquals(made, page, "Run with -Dupdate.docs=true to rewrite the tables");
    }
  }

  @Test
  void optionsInTheTextExist() throws IOException {
    Set<String> known = new TreeSet<>(FOREIGN_OPTIONS);
    for (CommandLine command : OptionTables.commands(OptionTables.commandLine()).values()) {
      for (ArgSpec argument : OptionTables.arguments(command.getCommandSpec())) {
        if (argument instanceof OptionSpec option) {
          known.addAll(List.of(option.names()));
        }
      }
    }
    known.add("--no-resume");
    List<String> unknown = new ArrayList<>();
    for (Path page : pages()) {
      for (MatchResult code : matches("`([^`\n]+)`", withoutBlocks(Files.readString(page)))) {
        for (MatchResult option : matches("(?<![\\w-])--[a-z][a-z0-9-]*", code.group(1))) {
          if (!known.contains(option.group())) {
            unknown.add(page + ": " + option.group());
          }
        }
      }
    }
    assertEquals(List.of(), unknown);
  }

  @Test
  void commandsParse() throws IOException {
    int commands = 0;
    for (Path page : pages()) {
      for (MatchResult block : matches("(?ms)^```sh\n(.*?)^```", Files.readString(page))) {
        for (String line : block.group(1).replace("\\\n", " ").split("\n")) {
          if (line.contains("jobs/edit-images.sh") || line.contains("-job.jar edit")) {
            commands++;
            parse(page, line);
          }
        }
      }
    }
    assertTrue(commands >= 8, commands + " commands found");
  }

  private static void parse(Path page, String line) {
    List<String> words = new ArrayList<>();
    String arguments = line.replaceFirst("^.*?(jobs/edit-images\\.sh|-job\\.jar)", "");
    for (MatchResult word : matches("\"([^\"]*)\"|(\\S+)", arguments.replaceFirst(" #.*", ""))) {
      words.add(word.group(1) == null ? word.group(2) : word.group(1));
    }
    words.removeIf(word -> word.equals("--embedded") || word.equals("..."));
    if (words.isEmpty()) {
      return;
    }
    if (words.get(0).startsWith("-")) {
      words.add(0, "edit");
    }
    CommandLine commandLine = OptionTables.commandLine().setExpandAtFiles(false);
    try {
      commandLine.parseArgs(words.toArray(String[]::new));
    } catch (CommandLine.ParameterException e) {
      throw new AssertionError(page + ": " + line + ": " + e.getMessage(), e);
    }
  }

  @Test
  void filesAndClassesInTheTextExist() throws IOException {
    List<String> missing = new ArrayList<>();
    List<Path> texts = new ArrayList<>(pages());
    for (String folder :
        List.of("jobs", "conf", ".ci", "notebooks", "src/main/resources/kernels")) {
      try (Stream<Path> files = Files.list(Path.of(folder))) {
        files.filter(Files::isRegularFile).sorted().forEach(texts::add);
      }
    }
    for (Path text : texts) {
      String content = Files.readString(text);
      for (MatchResult name : matches("\\bio(?:\\.[a-z]+)+\\.[A-Z]\\w+", content)) {
        String file = name.group().replace('.', '/') + ".java";
        if (name.group().startsWith("io.glmimage.")
            && !Files.exists(Path.of("src/main/java", file))
            && !Files.exists(Path.of("src/test/java", file))) {
          missing.add(text + ": " + name.group());
        }
      }
      String path = "(?<![\\w./$-])(?:jobs|conf|\\.ci|notebooks|src)/[\\w./-]*\\w";
      for (MatchResult name : matches(path, content)) {
        // A name with a placeholder after it, or a file that a user makes.
        boolean example =
            name.group().equals("conf/spark-defaults.conf") || name.group().equals("conf/gpu.conf");
        if (text.toString().endsWith(".md") && !example && !Files.exists(Path.of(name.group()))) {
          missing.add(text + ": " + name.group());
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void everyColumnAndErrorClassIsDocumented() throws IOException {
    String inputs = Files.readString(PAGES.resolve("inputs.md"));
    for (ManifestField field : ManifestField.values()) {
      assertTrue(
          inputs.contains("`" + field.column() + "`"),
          "inputs.md does not name the column " + field.column());
    }
    String results = Files.readString(PAGES.resolve("results.md"));
    for (ResultColumn column : ResultColumn.values()) {
      assertTrue(
          results.contains("| `" + column.column() + "` |"),
          "results.md has no table row for the column " + column.column());
    }
    String operations = Files.readString(PAGES.resolve("operations.md"));
    for (ErrorClass errorClass : ErrorClass.values()) {
      assertTrue(
          operations.contains("| `" + errorClass + "` |"),
          "operations.md, section Failures, has no table row for " + errorClass);
    }
  }

  @Test
  void everyCommandIsOnThePageOfOptions() throws IOException {
    String page = Files.readString(OPTIONS);
    for (String command : OptionTables.commands(OptionTables.commandLine()).keySet()) {
      assertTrue(page.contains("`" + command), "options.md does not name the command " + command);
    }
  }

  @Test
  void everyPackageSaysWhatBelongsThere() throws IOException {
    List<String> without = new ArrayList<>();
    try (Stream<Path> folders = Files.walk(Path.of("src/main/java/io/glmimage"))) {
      for (Path folder : (Iterable<Path>) folders.filter(Files::isDirectory)::iterator) {
        Path info = folder.resolve("package-info.java");
        boolean base = folder.endsWith("io/glmimage");
        if (!base && !(Files.exists(info) && Files.readString(info).contains("/**"))) {
          without.add(folder.toString());
        }
      }
    }
    assertEquals(List.of(), without);
  }

  private static List<MatchResult> matches(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    return matcher.results().toList();
  }

  private static String withoutBlocks(String markdown) {
    return markdown.replaceAll("(?ms)^```.*?^```", "");
  }

  private static String withoutCode(String markdown) {
    return withoutBlocks(markdown).replaceAll("`[^`\n]*`", "`");
  }
}
