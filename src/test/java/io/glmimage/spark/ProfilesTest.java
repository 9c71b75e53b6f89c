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
