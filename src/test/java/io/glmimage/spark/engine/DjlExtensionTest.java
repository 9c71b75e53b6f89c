package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.spark.FakeGpus;
import io.glmimage.spark.SparkProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The DJL Spark extension itself, in programs of their own: its jar precedes the stand-ins of this
 * project's tests. {@code .ci/djl-spark.sh} makes the jar; give it with {@code -Ddjl.spark.jar}.
 */
@Tag("djl")
@Tag("spark")
class DjlExtensionTest {
  private static final Path TINY =
      Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath();

  @TempDir private Path work;
  private Path jar;
  private Path log;

  @BeforeEach
  void findExtension() {
    String given = System.getProperty("djl.spark.jar");
    assumeTrue(given != null, "Skipped: no jar of the DJL Spark extension; see .ci/djl-spark.sh");
    jar = Path.of(given).toAbsolutePath();
    assertTrue(Files.isRegularFile(jar), jar.toString());
    log = work.resolve("driver.log");
  }

  private Map<String, String> run(String master, Map<String, String> settings, String part)
      throws Exception {
    settings.put("log4j2.configurationFile", Path.of("conf/log4j2.properties").toUri().toString());
    return SparkProcess.results(
        SparkProcess.java(
            jar + File.pathSeparator + System.getProperty("java.class.path"),
            work,
            log,
            "900m",
            settings,
            DjlExtensionDriver.class.getName(),
            master,
            model().toString(),
            part),
        log);
  }

  /** The built-in model, with a serving.properties. */
  private Path model() throws IOException {
    Path model = work.resolve("model");
    try (Stream<Path> files = Files.walk(TINY)) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(TINY.relativize(file)));
      }
    }
    Files.writeString(model.resolve("serving.properties"), "failures=empty\n");
    return model;
  }

  @Test
  void everyBatchSizeBatchifierAndFactoryGivesTheSameImages() throws Exception {
    Map<String, String> seen = run("local[2]", SparkProcess.settings("512m"), "choices");
    for (String choice : List.of("1 none", "3 stack", "10 padding", "factory", "properties")) {
      assertEquals("right", seen.get("choice " + choice), choice);
    }
    assertTrue(seen.get("refused").contains("cuda:3"), seen.get("refused"));
  }

  @Test
  void tasksWhoseModelsAreCollectedShareOneLoadedModel() throws Exception {
    Map<String, String> seen = run("local[1]", SparkProcess.settings("512m"), "collections");
    assertEquals("20", seen.get("images"));
    // The driver's own engine is not loaded through LoadedModels, which writes this line.
    List<String> loads =
        Files.readAllLines(log).stream().filter(line -> line.contains("Loaded GLM-Image")).toList();
    assertEquals(1, loads.size(), loads.toString());
    assertTrue(
        Files.readAllLines(log).stream().noneMatch(line -> line.contains("was not closed")),
        "the extension's models cannot be closed");
  }

  @Test
  void executorsUseTheGivenDeviceOrTheOneThatSparkAssigned() throws Exception {
    assumeTrue(
        SparkProcess.home().isPresent(),
        "Skipped: no Spark installation; give one with -Dspark.home");
    Map<String, String> settings = FakeGpus.settings("512m", work);
    settings.put(
        "spark.executor.extraClassPath",
        jar + File.pathSeparator + SparkProcess.classesWithoutSpark());
    settings.put("spark.task.maxFailures", "1");
    Map<String, String> seen = run("local-cluster[2,1,512]", settings, "executors");
    SparkProcess.removeWorkFolder(seen.get("app"));
    assertEquals("right", seen.get("given"));
    assertTrue(
        seen.get("assigned").matches(".*Cannot use GPU [57], which Spark assigned.*"),
        seen.get("assigned"));
    assertEquals("[true]", seen.get("offline"));
  }
}
