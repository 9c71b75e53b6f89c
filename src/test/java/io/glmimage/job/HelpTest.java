package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.spark.engine.FakeEngines;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

class HelpTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... args) {
    out.reset();
    err.reset();
    return EditImagesJob.run(
        List.of(args), FakeEngines::new, new PrintStream(out), new PrintStream(err), false);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  static List<String> commands() {
    return List.copyOf(OptionTables.commands(OptionTables.commandLine()).keySet());
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandExplainsItself(String command) {
    assertEquals(0, run(command, "--help"));
    assertTrue(out().contains("Usage: edit-images " + command), out());
    CommandLine line = OptionTables.commandLine().getSubcommands().get(command);
    for (ArgSpec argument : OptionTables.arguments(line.getCommandSpec())) {
      String name =
          argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
      assertEquals(!argument.hidden(), out().contains(name.replaceFirst("^--", "")), name);
    }
    assertEquals(0, run("help", command));
    assertTrue(out().contains("Usage: edit-images " + command), out());
    assertEquals("", err());
  }

  @Test
  void argumentsComeFromAFileWithOrWithoutACommandBeforeIt(@TempDir Path folder)
      throws IOException {
    Path options = Files.writeString(folder.resolve("job.args"), "--help\n");
    assertEquals(0, run("@" + options));
    assertTrue(out().contains("Usage: edit-images edit"), out());
    assertEquals(0, run("validate", "@" + options));
    assertTrue(out().contains("Usage: edit-images validate"), out());
  }

  @Test
  void helpNamesAllCommandsAndVersionNamesSpark() {
    assertEquals(0, run("--help"));
    assertEquals(
        Set.of(
            "edit",
            "manifest",
            "validate",
            "demo",
            "example",
            "show",
            "contact-sheet",
            "inspect-model",
            "self-test",
            "bench"),
        Set.copyOf(commands()));
    for (String command : commands()) {
      assertTrue(out().lines().anyMatch(line -> line.startsWith("  " + command + " ")), out());
    }
    assertEquals(0, run("--version"));
    assertTrue(out().contains("glm-image-spark") && out().contains("Spark "), out());
  }

  /**
   * A default value is written once, in the code: the description takes it from there. Only an
   * option without a value has its default in words.
   */
  @Test
  void everyOptionIsDescribedWithItsDefault() {
    CommandLine all = OptionTables.commandLine().setInterpolateVariables(false);
    OptionTables.commands(all)
        .forEach(
            (command, line) -> {
              for (ArgSpec argument : OptionTables.arguments(line.getCommandSpec())) {
                String name = command + " " + argument;
                String text = OptionTables.description(argument);
                assertTrue(text.endsWith("."), name);
                if (argument.required()) {
                  assertFalse(text.contains(OptionTables.DEFAULT), name);
                } else if (hasValue(argument)) {
                  assertTrue(text.contains("Default: ${DEFAULT-VALUE}"), name);
                } else {
                  assertTrue(text.contains(OptionTables.DEFAULT), name);
                  assertFalse(text.contains("${"), name);
                }
              }
            });
  }

  private static boolean hasValue(ArgSpec argument) {
    Object value =
        argument.defaultValue() == null ? argument.initialValue() : argument.defaultValue();
    boolean empty =
        value == null
            || value.equals("")
            || (value instanceof Collection<?> list && list.isEmpty())
            || (value instanceof Map<?, ?> map && map.isEmpty());
    return !empty && argument.arity().max() > 0;
  }

  @Test
  void defaultsAreShownAsValues() {
    assertEquals(0, run("edit", "--help"));
    String help = out().replaceAll("\\s+", " ");
    for (String text :
        List.of(
            "without num_inference_steps. Default: that of --preset (exact: 50).",
            "Default: 4194304 (2048 x 2048).",
            "unsaved (0 to 3600). Default: 10.",
            "once per process). Default: quick.")) {
      assertTrue(help.contains(text), text + " in " + help);
    }
    assertFalse(help.contains("${"), help);
  }

  @Test
  void wrongOptionsAreReportedBeforeAnyWork() {
    assertEquals(1, run());
    assertTrue(err().contains("Missing command"), err());
    assertEquals(1, run("edit", "--output", "o"));
    assertTrue(err().contains("--manifest"), err());
    assertEquals(1, run("--manifest", "m", "--output", "o", "--stepz", "3"));
    assertTrue(err().contains("Unknown option"), err());
    assertTrue(err().contains("--steps"), err());
    assertEquals(1, run("--manifest", "m", "--ouptut", "o"));
    assertTrue(err().contains("Unknown options: '--ouptut', 'o'"), err());
    assertTrue(err().contains("--output"), err());
    assertEquals(1, run("frobnicate"));
    assertTrue(err().contains("frobnicate"), err());
    for (String[] bad :
        new String[][] {
          {"--steps", "-1", "Invalid --steps: -1, expected 1 to 1000"},
          {"--steps", "many", "Invalid --steps: many, expected a whole number"},
          {"--guidance-scale", "x", "Invalid --guidance: x, expected a number"},
          {"--guidance-scale", "-2", "Invalid --guidance: -2.0"},
          {"--step-cache", "1.5", "Invalid --step-cache: 1.5, expected 0 to 1.0"},
          {"--step-cache", "NaN", "Invalid --step-cache: NaN"},
          {"--preset", "best", "Invalid --preset: best, expected one of exact, balanced, fast"},
          {"--solver", "heun", "Invalid --solver: heun, expected one of euler, multistep2"},
          {"--height", "8", "Invalid --height: 8"},
          {"--batch-size", "0", "Invalid --batch-size: 0"},
          {"--partitions", "-3", "Invalid --partitions: -3"},
          {"--device", "tpu", "Invalid --device: tpu"},
          {
            "--weights", "peer", "Invalid --weights: peer, expected broadcast | local:PATH | direct"
          },
          {"--weights-cache-gb", "-1", "Invalid --weights-cache-gb: -1"},
          {"--weights-chunk-mb", "2000", "Invalid --weights-chunk-mb: 2000, expected 1 to 1024"},
          {"--max-pixels", "0", "Invalid --max-pixels: 0"},
          {"--exact-size", "yes", "Invalid --exact-size: yes, expected on or off"},
          {
            "--large-sources",
            "crop",
            "Invalid --large-sources: crop, expected one of fit, fail, upscale"
          },
          {"--columns", "promt=x", "Invalid --columns: promt"},
          {
            "--columns",
            "prompt:x",
            "Invalid --columns: prompt:x, expected FIELD=NAME, such as --columns prompt=caption"
          },
          {"--columns", "prompt=", "Invalid --columns: prompt=, expected FIELD=NAME"},
          {"--columns", "=x", "Invalid --columns: =x, expected FIELD=NAME"},
          {"--progress", "some", "Invalid --progress: some, expected one of auto, on, off"},
          {"--seed", "1.5", "Invalid --seed: 1.5, expected a whole number"},
          {"--io-attempts", "0", "Invalid --io-attempts: 0"},
          {"--max-failed-rows", "-1", "Invalid --max-failed-rows: -1"},
          {"--max-failed-ratio", "1.5", "Invalid --max-failed-ratio: 1.5"},
          {"--failed-rows-exit-code", "3", "Invalid --failed-rows-exit-code: 3, expected 0 to 125"},
          {"--failed-rows-exit-code", "70", "Invalid --failed-rows-exit-code: 70"},
          {"--failed-rows-exit-code", "126", "Invalid --failed-rows-exit-code: 126"},
          {"--commit-seconds", "-1", "Invalid --commit-seconds: -1"},
          {"--lock-timeout", "0", "Invalid --lock-timeout: 0"},
          {"--resume-check", "much", "Invalid --resume-check: much, expected one of rows, files"},
        }) {
      assertEquals(1, run("--manifest", "m", "--output", "o", bad[0], bad[1]));
      assertTrue(err().contains(bad[2]), err());
      String result = "RESULT {\"status\":\"refused\",\"exit_code\":1,\"error\":\"";
      assertTrue(out().startsWith(result) && out().contains(bad[2]), out());
    }
    assertEquals(1, run("show", "--results", "o", "--rows", "0"));
    assertTrue(err().contains("Invalid --rows: 0"), err());
  }

  @Test
  void anEmptyPathIsRefusedWithTheNameOfItsOption() {
    int paths = 0;
    for (String command : commands()) {
      CommandLine line = OptionTables.commandLine().getSubcommands().get(command);
      for (OptionSpec option : line.getCommandSpec().options()) {
        if (List.of("DIR", "PATH", "FILE").contains(option.paramLabel())) {
          List<String> args = new ArrayList<>(List.of(command, option.longestName(), ""));
          for (OptionSpec other : line.getCommandSpec().options()) {
            if (other.required() && !other.equals(option)) {
              args.addAll(List.of(other.longestName(), "x"));
            }
          }
          assertEquals(ExitCode.USAGE, run(args.toArray(String[]::new)), args.toString());
          assertEquals("Invalid " + option.longestName() + ": it is empty", err().strip());
          paths++;
        }
      }
    }
    assertTrue(paths > 20, paths + " options take a path");
  }
}
