package io.glmimage.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheFoldersTest {
  private static final List<String> MOUNTS =
      List.of(
          "overlay / overlay rw,relatime 0 0",
          "tmpfs /data/my\\040cache tmpfs rw,nosuid,noexec,relatime 0 0",
          "tmpfs /data/my\\040cache/again tmpfs rw,noexecutable 0 0",
          "tmpfs /twice tmpfs rw,noexec 0 0",
          "tmpfs /twice tmpfs rw 0 0",
          "broken");

  @Test
  void theInnermostMountDecidesWhetherLibrariesRun() {
    assertTrue(CacheFolders.isNoexec(Path.of("/data/my cache/x"), MOUNTS));
    assertFalse(CacheFolders.isNoexec(Path.of("/data/my cache/again/x"), MOUNTS));
    assertFalse(CacheFolders.isNoexec(Path.of("/data/my cache2"), MOUNTS));
    assertFalse(CacheFolders.isNoexec(Path.of("/twice"), MOUNTS));
    assertFalse(CacheFolders.isNoexec(Path.of("/home"), MOUNTS));
  }

  @Test
  void aFolderThatIsTheReasonIsNamedWithItsOption(@TempDir Path folder) {
    String problem = "/x/libc10.so: failed to map segment from shared object";
    String text = CacheFolders.problem(folder, problem, "-Dcache=DIR").orElseThrow();
    assertTrue(text.startsWith("the folder " + folder + " cannot hold native libraries"), text);
    assertTrue(text.endsWith("name another folder with -Dcache=DIR"), text);
    assertTrue(
        CacheFolders.problem(folder, "x: No space left on device", "o")
            .orElseThrow()
            .contains("(No space left on device)"));
  }

  @Test
  void otherFailuresAreNotThoseOfTheFolder(@TempDir Path folder) {
    String problem = "libcudart.so.13: cannot open shared object file";
    assertEquals(Optional.empty(), CacheFolders.problem(folder, problem, "-Dcache=DIR"));
  }
}
