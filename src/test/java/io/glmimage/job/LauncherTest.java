package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jobs/edit-images.sh} in a copied checkout, with a program in place of java. */
class LauncherTest {
  private static final Path JOBS =
      Path.of(System.getProperty("basedir", "."), "jobs").toAbsolutePath();

  private Path root;
  private Path java;
  @TempDir private Path folder;

  @BeforeEach
  void makeCheckout() throws IOException {
    assumeTrue(
        Files.isExecutable(Path.of("/bin/bash")),
        "Skipped: the launcher needs /bin/bash, not here");
    root = folder.resolve("my checkout");
    for (String name : List.of("edit-images.sh", "lib.sh")) {
      Path copy = root.resolve("jobs").resolve(name);
      Files.createDirectories(copy.getParent());
      Files.copy(JOBS.resolve(name), copy);
      assertTrue(copy.toFile().setExecutable(true));
    }
    Files.createDirectories(root.resolve("src/main"));
    Files.createDirectories(root.resolve("target"));
    Files.setLastModifiedTime(write("my checkout/pom.xml", "<project/>"), FileTime.fromMillis(0));
    write("my checkout/target/glm-image-spark-1-job.jar", "jar");
    write("my checkout/target/glm-image-spark-1.jar", "jar");
    write("my checkout/target/embedded.options", "-Xshare:auto\n");
    write("my checkout/target/embedded.classpath", write("library.jar", "jar").toString());
    java("17.0.15");
  }

  /** Installs a java of a version, which prints its arguments and its locale. */
  private void java(String version) throws IOException {
    java =
        write(
            "jdk/bin/java",
            "#!/bin/bash\n"
                + "if [[ $1 == -version ]]; then echo 'openjdk version \""
                + version
                + "\"' >&2; exit; fi\n"
                + "printf 'argument=%s\\n' \"$@\"\n"
                + "printf 'locale=%s\\n' \"$(locale charmap 2>/dev/null)\"\n");
    assertTrue(java.toFile().setExecutable(true));
  }

  @Test
  void theMasterIsTheJobsOwnOption() throws IOException, InterruptedException {
    Finished run = launch(Map.of(), "--manifest", "m 1.csv", "--master", "local[3]");
    assertEquals(0, run.code(), run.output());
    assertFalse(run.output().contains("spark.master"), run.output());
    assertTrue(run.has("argument=--master"), run.output());
    assertTrue(run.has("argument=local[3]"), run.output());
    assertTrue(run.has("argument=m 1.csv"), run.output());
    assertTrue(run.has("argument=-Dglmimage.cores=*"), run.output());
  }

  @Test
  void theNumberOfCoresIsChecked() throws IOException, InterruptedException {
    assertTrue(
        launch(Map.of("GLM_IMAGE_CORES", "3"), "--help-me").has("argument=-Dglmimage.cores=3"));
    Finished run = launch(Map.of("GLM_IMAGE_CORES", "many"), "edit");
    assertEquals(70, run.code());
    assertTrue(run.output().contains("Invalid GLM_IMAGE_CORES: many"), run.output());
  }

  @Test
  void aLocaleWithoutUtf8IsReplaced() throws IOException, InterruptedException {
    for (Map<String, String> locale :
        List.of(Map.<String, String>of(), Map.of("LC_ALL", "C"), Map.of("LANG", "POSIX"))) {
      Finished run = launch(locale, "--manifest", "größe.csv");
      assertTrue(run.has("locale=UTF-8"), locale + "\n" + run.output());
      assertTrue(run.has("argument=größe.csv"), locale + "\n" + run.output());
    }
  }

  @Test
  void theLauncherWorksThroughASymbolicLinkFromAnyFolder()
      throws IOException, InterruptedException {
    Path link =
        Files.createSymbolicLink(folder.resolve("edit here"), root.resolve("jobs/edit-images.sh"));
    Finished run = run(link, Map.of(), "validate");
    assertEquals(0, run.code(), run.output());
    assertTrue(run.has("argument=validate"), run.output());
  }

  @Test
  void aWrongJavaIsNamedInOneSentence() throws IOException, InterruptedException {
    java("1.8.0_392");
    Finished old = launch(Map.of(), "edit");
    assertEquals(70, old.code());
    assertTrue(old.output().contains(java + " is Java 1.8.0_392, which"), old.output());
    Finished none = launch(Map.of("JAVA_HOME", "/no/jdk"), "edit");
    assertEquals(70, none.code());
    assertTrue(none.output().contains("JAVA_HOME is /no/jdk, but it has no bin/java"));
  }

  @Test
  void aMissingBuildNeedsMaven() throws IOException, InterruptedException {
    Files.delete(root.resolve("target/glm-image-spark-1-job.jar"));
    Files.copy(java, java.resolveSibling("javac"));
    Finished run = launch(Map.of("PATH", tools()), "edit");
    assertEquals(70, run.code());
    assertTrue(run.output().contains("Maven is not on the PATH"), run.output());
  }

  /** A folder with the programs that the launcher needs, and no Maven. */
  private String tools() throws IOException {
    Path tools = Files.createDirectories(folder.resolve("tools"));
    for (String name :
        List.of("bash", "dirname", "sed", "head", "find", "uname", "locale", "grep")) {
      for (String place : List.of("/bin/", "/usr/bin/")) {
        Path program = Path.of(place, name);
        if (Files.exists(program) && !Files.exists(tools.resolve(name))) {
          Files.createSymbolicLink(tools.resolve(name), program);
        }
      }
    }
    return tools.toString();
  }

  private Finished launch(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    return run(root.resolve("jobs/edit-images.sh"), environment, arguments);
  }

  private Finished run(Path script, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    // The shell writes the arguments, because this JVM may have no UTF-8 locale.
    List<String> command =
        new ArrayList<>(List.of("/bin/bash", write("run.sh", line(script, arguments)).toString()));
    Path log = folder.resolve("launcher.log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().keySet().removeIf(name -> name.matches("LANG|LC_.*|SPARK.*|GLM.*"));
    builder.environment().put("JAVA_HOME", folder.resolve("jdk").toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    assertTrue(process.waitFor(1, TimeUnit.MINUTES), "the launcher hangs");
    return new Finished(process.exitValue(), Files.readString(log));
  }

  private static String line(Path script, String... arguments) {
    StringBuilder line = new StringBuilder("exec '" + script + "' --embedded");
    for (String argument : arguments) {
      line.append(" '").append(argument).append('\'');
    }
    return line.append('\n').toString();
  }

  private Path write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private record Finished(int code, String output) {
    boolean has(String line) {
      return output.lines().anyMatch(line::equals);
    }
  }
}
