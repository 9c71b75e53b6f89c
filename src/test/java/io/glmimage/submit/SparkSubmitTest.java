package io.glmimage.submit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the job jar with the spark-submit of {@code -Dspark.home} or of the environment variable
 * SPARK_HOME. The jar must have been built: {@code mvn -DskipTests package}.
 */
@Tag("spark")
class SparkSubmitTest {
  private static final long TIMEOUT_MINUTES = 5;

  private Path sparkHome;
  private Path jobJar;
  @TempDir private Path folder;

  @BeforeEach
  void findSpark() {
    String home = System.getProperty("spark.home", System.getenv("SPARK_HOME"));
    assumeTrue(
        home != null && Files.isExecutable(Path.of(home, "bin", "spark-submit")),
        "Skipped: no Spark installation; set -Dspark.home or SPARK_HOME"
            + " (.ci/pyspark.sh creates one)");
    sparkHome = Path.of(home);
    jobJar = Path.of(System.getProperty("job.jar"));
    assumeTrue(
        Files.isRegularFile(jobJar),
        "Skipped: no job jar " + jobJar + "; build it with mvn -DskipTests package");
  }

  @Test
  void librariesOfTheJobJarWorkInSparkTasks() throws IOException, InterruptedException {
    Finished run =
        submit(
            List.of(
                "--class",
                SubmittedSmoke.class.getName(),
                "--jars",
                jarOf(SubmittedSmoke.class).toString()),
            List.of());

    assertEquals(0, run.code(), run.output());
    assertLine(run, "gson=io.glmimage.shaded.gson.Gson");
    // Tasks of Spark 4.3 have a class loader of their session.
    assertTrue(
        run.output().lines().anyMatch(l -> l.matches("loader=(MutableURL|Executor)ClassLoader")),
        run.output());
    assertLine(run, "libtorch=8.0");
    for (String format : List.of("jpeg", "tiff", "bmp")) {
      assertLine(run, "reader." + format + "=true");
    }
    assertLine(run, "webp=8 x 4");
    assertLine(run, "template=A-B");
    assertTrue(
        run.output().lines().anyMatch(l -> l.matches("tokens=\\[\\d+(, \\d+)*\\]")), run.output());
  }

  @Test
  void theJobStartsByTheMainClassOfTheManifest() throws IOException, InterruptedException {
    Finished run = submit(List.of(), List.of("edit", "--help"));

    assertEquals(0, run.code(), run.output());
    assertTrue(run.output().contains("--manifest"), run.output());
  }

  @Test
  void theJobGivesTheSameImagesAsTheEmbeddedMode() throws IOException, InterruptedException {
    Path manifest = manifest();
    List<String> edit = new ArrayList<>(List.of("edit", "--manifest", manifest.toString()));
    edit.addAll(List.of("--model", "demo", "--device", "cpu", "--steps", "2"));
    List<String> submitted = new ArrayList<>(edit);
    submitted.addAll(List.of("--output", folder.resolve("submitted").toString()));
    Finished first = submit(List.of("--conf", "spark.sql.session.timeZone=Asia/Tokyo"), submitted);
    assertEquals(0, first.code(), first.output());

    edit.addAll(List.of("--output", folder.resolve("embedded").toString()));
    edit.addAll(List.of("--master", "local[2]"));
    List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("--add-opens"))
        .forEach(command::add);
    // The run starts in another folder.
    String classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
            .map(entry -> Path.of(entry).toAbsolutePath().toString())
            .collect(Collectors.joining(File.pathSeparator));
    // The jar knows the program's version, which images name.
    String plainJar = jobJar.toString().replace("-job.jar", ".jar");
    command.addAll(List.of("-Xmx1g", "-cp", plainJar + File.pathSeparator + classPath));
    command.add("io.glmimage.job.EditImagesJob");
    command.addAll(edit);
    Finished second = run(command, "embedded.log");
    assertEquals(0, second.code(), second.output());

    for (String id : List.of("a", "b", "c")) {
      byte[] image = Files.readAllBytes(folder.resolve("submitted/images/" + id + ".png"));
      assertArrayEquals(
          image, Files.readAllBytes(folder.resolve("embedded/images/" + id + ".png")), id);
    }
  }

  /** Rows with one source image, with two, and with none. */
  private Path manifest() throws IOException {
    for (int i = 0; i < 2; i++) {
      BufferedImage source = new BufferedImage(96, 64, BufferedImage.TYPE_INT_RGB);
      for (int x = 0; x < 96 * 64; x++) {
        source.setRGB(x % 96, x / 96, x * 2579 * (i + 1));
      }
      ImageIO.write(source, "png", folder.resolve(i + ".png").toFile());
    }
    return Files.writeString(
        folder.resolve("rows.jsonl"),
        "{'id':'a','prompt':'make it red','image_paths':'0.png'}\n".replace('\'', '"')
            + "{'id':'b','prompt':'both','image_paths':['0.png','1.png'],'seed':7}\n"
                .replace('\'', '"')
            + "{'id':'c','prompt':'a sign \u00e9','height':64,'width':96}\n".replace('\'', '"'));
  }

  @Test
  void theJobJarBringsNothingThatTheClusterHas() throws IOException {
    try (JarFile jar = new JarFile(jobJar.toFile())) {
      List<String> wrong =
          jar.stream()
              .map(JarEntry::getName)
              .filter(
                  name ->
                      name.startsWith("org/apache/")
                          || name.startsWith("scala/")
                          || name.startsWith("com/fasterxml/")
                          || name.startsWith("org/slf4j/")
                          || name.startsWith("com/google/gson/")
                          || name.matches("META-INF/[^/]*\\.(SF|DSA|RSA)"))
              .toList();
      assertEquals(List.of(), wrong);
    }
  }

  private Finished submit(List<String> options, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(sparkHome.resolve("bin/spark-submit").toString());
    command.addAll(List.of("--master", "local[2]", "--conf", "spark.ui.enabled=false", "--conf"));
    command.addAll(
        List.of("spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1"));
    command.addAll(options);
    command.add(jobJar.toString());
    command.addAll(arguments);
    return run(command, "spark-submit.log");
  }

  private Finished run(List<String> command, String name) throws IOException, InterruptedException {
    Path log = folder.resolve(name);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("SPARK_HOME", sparkHome.toString());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process process = builder.start();
    if (!process.waitFor(TIMEOUT_MINUTES, TimeUnit.MINUTES)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
      throw new AssertionError(
          name + ": no end in " + TIMEOUT_MINUTES + " minutes:\n" + Files.readString(log));
    }
    return new Finished(process.exitValue(), Files.readString(log));
  }

  /** A jar with one class that is not part of the job jar. */
  private Path jarOf(Class<?> type) throws IOException {
    Path jar = folder.resolve("smoke.jar");
    String name = type.getName().replace('.', '/') + ".class";
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        InputStream in = type.getResourceAsStream("/" + name)) {
      out.putNextEntry(new JarEntry(name));
      in.transferTo(out);
      out.closeEntry();
    }
    return jar;
  }

  private static void assertLine(Finished run, String line) {
    assertTrue(
        run.output().lines().anyMatch(line::equals), "no line " + line + "\n" + run.output());
  }

  private record Finished(int code, String output) {}
}
