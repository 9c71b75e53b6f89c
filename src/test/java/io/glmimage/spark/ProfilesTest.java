package io.glmimage.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.internal.config.ConfigEntry;
import org.junit.jupiter.api.Test;

/** The profiles in conf/ name settings that Spark has. */
class ProfilesTest {
  /** Settings of modules that are not on the class path, and of groups with free names. */
  private static final Pattern ELSEWHERE =
      Pattern.compile(
          "spark\\.(yarn|kubernetes|hadoop|executorEnv|rapids)\\..+"
              + "|spark\\.(executor|task)\\.resource\\.gpu\\.(amount|discoveryScript|vendor)"
              // Read by spark-submit.
              + "|spark\\.(master|files|jars\\.packages)");

  private static List<Path> profiles() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("conf"))) {
      return files.filter(file -> file.toString().endsWith(".conf")).sorted().toList();
    }
  }

  private static Properties read(Path profile) throws IOException {
    Properties settings = new Properties();
    try (Reader reader = Files.newBufferedReader(profile)) {
      settings.load(reader);
    }
    return settings;
  }

  @Test
  void everySettingIsKnownToSpark() throws Exception {
    for (String owner : List.of("package$", "UI$", "Network$")) {
      // Settings become known when these objects are loaded.
      Class.forName("org.apache.spark.internal.config." + owner);
    }
    List<String> unknown = new ArrayList<>();
    for (Path profile : profiles()) {
      for (String key : read(profile).stringPropertyNames()) {
        if (!ELSEWHERE.matcher(key).matches() && ConfigEntry.findEntry(key) == null) {
          unknown.add(profile + ": " + key);
        }
      }
    }
    assertEquals(List.of(), unknown);
    assertEquals(7, profiles().size());
  }

  @Test
  void theOperatorsApplicationHasTheSettingsOfTheProfile() throws IOException {
    Properties profile = read(Path.of("conf", "kubernetes-gpu.conf"));
    String application = Files.readString(Path.of("jobs/kubernetes/spark-application.yaml"));
    Properties settings = new Properties();
    for (MatchResult setting :
        Pattern.compile("(?m)^ {4}(spark\\.[\\w.]+): \"?([^\"\n]+)\"?$")
            .matcher(application)
            .results()
            .toList()) {
      settings.setProperty(setting.group(1), setting.group(2));
    }
    String executor = application.substring(application.indexOf("\n  executor:\n"));
    String driver =
        application.substring(
            application.indexOf("\n  driver:\n"), application.indexOf("\n  executor:\n"));
    for (String key : List.of("instances", "cores", "memory", "memoryOverhead")) {
      settings.setProperty("spark.executor." + key, value(executor, key));
    }
    for (String key : List.of("memory", "memoryOverhead")) {
      settings.setProperty("spark.driver." + key, value(driver, key));
    }
    for (String key : settings.stringPropertyNames()) {
      assertEquals(profile.getProperty(key), settings.getProperty(key), key);
    }
    // Settings that protect a long run, and the log.
    assertTrue(
        settings
            .stringPropertyNames()
            .containsAll(
                List.of(
                    "spark.executor.failuresValidityInterval",
                    "spark.network.timeout",
                    "spark.speculation",
                    "spark.driver.extraJavaOptions")),
        settings.toString());
  }

  /** The value of a key that is indented by four spaces. */
  private static String value(String yaml, String key) {
    return Pattern.compile("(?m)^ {4}" + key + ": (\\S+)$")
        .matcher(yaml)
        .results()
        .findFirst()
        .orElseThrow()
        .group(1);
  }

  @Test
  void gpuProfilesOfClustersShareAGpuAmongTasks() throws IOException {
    for (String name : List.of("standalone-gpu", "yarn-gpu", "kubernetes-gpu")) {
      Properties settings = read(Path.of("conf", name + ".conf"));
      assertEquals("1", settings.getProperty("spark.executor.resource.gpu.amount"), name);
      assertEquals("0.25", settings.getProperty("spark.task.resource.gpu.amount"), name);
      assertEquals("4", settings.getProperty("spark.executor.cores"), name);
    }
    // Spark hangs if local mode declares GPUs.
    assertTrue(
        read(Path.of("conf/local-gpu.conf")).stringPropertyNames().stream()
            .noneMatch(key -> key.contains(".resource.")));
  }
}
