package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jobs/kubernetes/submit.sh} with programs in place of spark-submit and kubectl. */
class KubernetesLauncherTest {
  private static final Path SCRIPT =
      Path.of(System.getProperty("basedir", "."), "jobs/kubernetes/submit.sh").toAbsolutePath();

  private Path programs;
  @TempDir private Path folder;

  @BeforeEach
  void makePrograms() throws IOException {
    assumeTrue(
        Files.isExecutable(Path.of("/bin/bash")), "Skipped: the script needs /bin/bash, not here");
    programs = Files.createDirectories(folder.resolve("bin"));
    program("spark-submit", "printf 'argument=%s\\n' \"$@\"");
    program("sleep", "echo slept");
    driver("pod-1,Succeeded,0,Completed");
  }

  @Test
  void theExitCodeIsTheDrivers() throws IOException, InterruptedException {
    Finished done = submit(Map.of(), "edit", "--manifest", "a b");
    assertEquals(0, done.code(), done.output());
    assertTrue(done.has("argument=a b"), done.output());
    driver("pod-1,Failed,2,Error");
    Finished failedRows = submit(Map.of(), "edit");
    assertEquals(2, failedRows.code(), failedRows.output());
    assertTrue(
        failedRows.has("submit.sh: the driver pod-1 ended with exit code 2 (Error)"),
        failedRows.output());
    // The driver's code counts, even if spark-submit fails.
    program("spark-submit", "exit 1");
    assertEquals(2, submit(Map.of(), "edit").code());
  }

  @Test
  void theDriverIsFoundByALabelOfThisRun() throws IOException, InterruptedException {
    Finished first = submit(Map.of(), "edit");
    Finished second = submit(Map.of(), "edit");
    String selector = value(first, "kubectl=glm-image-run=");
    assertTrue(selector.endsWith(",spark-role=driver"), first.output());
    String label = selector.replace(",spark-role=driver", "");
    assertTrue(
        first.has("argument=spark.kubernetes.driver.label.glm-image-run=" + label), first.output());
    assertFalse(second.output().contains(label), second.output());
    assertTrue(first.has("kubectl=https://host:6443"), first.output());
  }

  @Test
  void theNamespaceIsThatOfTheRun() throws IOException, InterruptedException {
    assertTrue(submit(Map.of(), "edit").has("kubectl=glm-image"));
    Path settings =
        Files.writeString(
            folder.resolve("my.conf"),
            "spark.kubernetes.namespace old\nspark.kubernetes.namespace = mine\n");
    Files.writeString(folder.resolve("empty.conf"), "spark.kubernetes.namespaces other\n");
    String file = "--properties-file " + settings;
    for (Map.Entry<String, String> expected :
        Map.of(
                file,
                "mine",
                "--properties-file=" + settings,
                "mine",
                file + " --properties-file " + folder.resolve("empty.conf"),
                "default",
                "--conf spark.kubernetes.namespace=theirs " + file,
                "theirs",
                "--conf=spark.kubernetes.namespace=theirs",
                "theirs",
                "--conf spark.kubernetes.namespace=a -c spark.kubernetes.namespace=b",
                "b")
            .entrySet()) {
      Finished run = submit(Map.of("SPARK_SUBMIT_ARGS", expected.getKey()), "edit");
      assertTrue(
          run.has("kubectl=" + expected.getValue()), expected.getKey() + "\n" + run.output());
    }
  }

  @Test
  void theScriptWaitsForADriverThatSparkSubmitHasLost() throws IOException, InterruptedException {
    program(
        "kubectl",
        "if [[ -e running ]]; then echo pod-1,Failed,3,Error; else touch running; echo"
            + " pod-1,Running,,; fi");
    Finished run = submit(Map.of(), "edit");
    assertEquals(3, run.code(), run.output());
    assertTrue(run.has("slept"), run.output());
    assertTrue(run.output().contains("the driver pod-1 ended with exit code 3"), run.output());
  }

  @Test
  void anExitCodeThatCannotBeReadIsAFailure() throws IOException, InterruptedException {
    driver("pod-1,Failed,,Evicted");
    Finished evicted = submit(Map.of(), "edit");
    assertEquals(ExitCode.JOB_FAILED, evicted.code(), evicted.output());
    assertTrue(
        evicted.output().contains("the pod pod-1 has none, its state is Failed (Evicted)"),
        evicted.output());
    driver("");
    Finished gone = submit(Map.of(), "edit");
    assertEquals(ExitCode.JOB_FAILED, gone.code(), gone.output());
    assertTrue(gone.output().contains("there is no such pod (label glm-image-run="), gone.output());
    program("kubectl", "echo Forbidden >&2; exit 1");
    Finished refused = submit(Map.of(), "edit");
    assertEquals(ExitCode.JOB_FAILED, refused.code(), refused.output());
    assertTrue(refused.has("Forbidden"), refused.output());
    assertTrue(refused.output().contains("kubectl failed, see above"), refused.output());
  }

  @Test
  void aDriverThatIsNotStartedHasACodeOfItsOwn() throws IOException, InterruptedException {
    driver("");
    program("spark-submit", "exit 1");
    Finished run = submit(Map.of(), "edit");
    assertEquals(70, run.code(), run.output());
    assertTrue(
        run.has("submit.sh: spark-submit ended with exit code 1 and started no driver"),
        run.output());
    Finished none = submit(Map.of("SPARK_HOME", "/no/spark"), "edit");
    assertEquals(70, none.code(), none.output());
    assertTrue(none.output().contains("Cannot find /no/spark/bin/spark-submit"), none.output());
  }

  /** Installs a kubectl that prints its arguments on stderr and a driver's state on stdout. */
  private void driver(String state) throws IOException {
    program("kubectl", "printf 'kubectl=%s\\n' \"$@\" >&2\necho '" + state + "'");
  }

  private void program(String name, String commands) throws IOException {
    Path program = Files.writeString(programs.resolve(name), "#!/bin/bash\n" + commands + "\n");
    assertTrue(program.toFile().setExecutable(true));
  }

  private static String value(Finished run, String start) {
    return run.output()
        .lines()
        .filter(line -> line.startsWith(start))
        .findFirst()
        .orElseThrow()
        .substring(start.length());
  }

  private Finished submit(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("/bin/bash", SCRIPT.toString()));
    command.addAll(List.of(arguments));
    Path log = folder.resolve("submit.log");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("SPARK"));
    builder.environment().put("PATH", programs + ":/usr/bin:/bin");
    builder.environment().put("K8S_MASTER", "k8s://host:6443");
    builder.environment().put("IMAGE", "registry/image:1");
    builder.environment().putAll(environment);
    Process process = builder.start();
    assertTrue(process.waitFor(1, TimeUnit.MINUTES), "the script hangs");
    return new Finished(process.exitValue(), Files.readString(log));
  }

  private record Finished(int code, String output) {
    boolean has(String line) {
      return output.lines().anyMatch(line::equals);
    }
  }
}
