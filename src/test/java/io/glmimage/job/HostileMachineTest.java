package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes as containers start them. The tools of Linux that make them need root. */
@Tag("spark")
class HostileMachineTest {
  private static final int USER = 54321;

  @TempDir private Path folder;

  /** Output and exit code of a process. */
  private record Ended(int exitCode, String output) {}

  private static Ended run(Map<String, String> environment, List<String> command, Path log)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().clear();
    builder.environment().put("PATH", System.getenv("PATH"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    try {
      assertTrue(process.waitFor(5, TimeUnit.MINUTES), "the process does not end");
      return new Ended(process.exitValue(), Files.readString(log));
    } finally {
      process.destroyForcibly();
    }
  }

  private void assumeItWorks(String... command) throws InterruptedException {
    try {
      assumeTrue(run(Map.of(), List.of(command), folder.resolve("probe.log")).exitCode() == 0);
    } catch (IOException e) {
      assumeTrue(false, e.getMessage());
    }
  }

  private static List<String> java(Class<?> main, String... options) {
    List<String> command = new ArrayList<>(ChildJob.java());
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    return command;
  }

  private Path manifest() throws IOException {
    Files.write(folder.resolve("a.png"), JobConsole.png(32, 32, 9));
    return Files.writeString(
        folder.resolve("m.csv"),
        "id,prompt,image_paths,seed,guidance_scale,label\nTITLE,make it i,a.png,7,1.5,x\n");
  }

  @Test
  @Tag("slow")
  void aUserWithoutNameAndHomeInAnotherLanguageEditsWithItsUmask() throws Exception {
    // The capability only lets the user read the class path of this test.
    String[] user = {
      "setpriv",
      "--reuid=" + USER,
      "--regid=" + USER,
      "--clear-groups",
      "--inh-caps=+dac_read_search",
      "--ambient-caps=+dac_read_search"
    };
    List<String> probe = new ArrayList<>(List.of(user));
    probe.add("true");
    assumeItWorks(probe.toArray(String[]::new));
    Path manifest = manifest();
    Path work = Files.createDirectory(folder.resolve("work"));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(work, PosixFilePermissions.fromString("rwxrwxrwx"));

    Path output = work.resolve("out");
    List<String> command = new ArrayList<>(List.of(user));
    command.addAll(List.of("sh", "-c", "umask 002; exec \"$@\"", "sh"));
    command.addAll(
        java(
            FakeJob.class,
            "-Duser.language=ar",
            "-Duser.country=EG",
            "-Duser.extensions=u-nu-arab",
            "-Djava.io.tmpdir=" + work));
    command.addAll(List.of("--manifest", manifest.toString(), "--output", output.toString()));
    Ended ended =
        run(Map.of("LC_ALL", "C.UTF-8", "TZ", "Pacific/Apia"), command, folder.resolve("user.log"));

    assertEquals(0, ended.exitCode(), ended.output());
    assertTrue(ended.output().contains("1 row: 1 ok, 0 failed"), ended.output());
    assertFalse(ended.output().contains("\tat "), "no stack trace: " + ended.output());
    Path image = output.resolve("images/TITLE.png");
    assertEquals(USER, Files.getAttribute(image, "unix:uid"));
    assertEquals("rw-rw-r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(image)));
    assertEquals(
        "rwxrwxr-x",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(output.resolve("results"))));
    String summary = Files.readString(output.resolve("summary.json"), StandardCharsets.UTF_8);
    assertTrue(
        summary.chars().allMatch(c -> c < 0x80), "digits are ASCII in every file: " + summary);
    try (var left = Files.list(work)) {
      assertEquals(
          List.of(),
          left.map(path -> path.getFileName().toString()).filter(n -> n.contains("?")).toList(),
          "no folder is named after an unknown user");
    }
  }

  @Test
  void aCacheFolderWithoutTheRightToExecuteIsNamed() throws Exception {
    Path cache = Files.createDirectory(folder.resolve("cache"));
    String mount = "mount -t tmpfs -o noexec,size=800m tmpfs " + cache;
    assumeItWorks("unshare", "-m", "sh", "-c", mount);
    List<String> command =
        new ArrayList<>(List.of("unshare", "-m", "sh", "-c", mount + " && exec \"$@\"", "sh"));
    command.addAll(java(EditImagesJob.class, "-Dorg.bytedeco.javacpp.cachedir=" + cache));
    command.addAll(
        List.of(
            "--manifest", manifest().toString(), "--output", folder + "/out", "--model", "demo"));
    Ended ended = run(Map.of("LC_ALL", "C.UTF-8"), command, folder.resolve("noexec.log"));
    assertEquals(1, ended.exitCode(), ended.output());
    assertTrue(
        ended
            .output()
            .contains(
                "the folder "
                    + cache
                    + " cannot hold native libraries (it is mounted noexec); name another folder"
                    + " with -Dorg.bytedeco.javacpp.cachedir=DIR"),
        ended.output());
    assertFalse(Files.exists(folder.resolve("out")), "nothing was done");
  }
}
