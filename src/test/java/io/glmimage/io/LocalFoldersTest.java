package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalFoldersTest {
  @TempDir private Path folder;

  @Test
  void deletesFoldersButNotWhatLinksPointTo(@TempDir Path other) throws IOException {
    Files.write(other.resolve("kept"), new byte[] {1});
    Path target = folder.resolve("target");
    Files.createDirectories(target.resolve("below"));
    Files.write(target.resolve("below/file"), new byte[] {2});
    Files.createSymbolicLink(target.resolve("link"), other);
    LocalFolders.delete(target);
    assertFalse(Files.exists(target));
    assertTrue(Files.exists(other.resolve("kept")));
    LocalFolders.delete(target);
  }

  @Test
  void aResourceFolderIsUsedInPlace() throws IOException {
    Files.createDirectories(folder.resolve("model"));
    Files.write(folder.resolve("model/config.json"), new byte[] {3});
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()}, null)) {
      assertEquals(
          folder.resolve("model"), LocalFolders.ofResource(loader, "model", "config.json"));
      IOException e =
          assertThrows(
              IOException.class, () -> LocalFolders.ofResource(loader, "none", "config.json"));
      assertEquals("Cannot find resource none/config.json on the class path", e.getMessage());
    }
  }

  @Test
  void aResourceFolderInAJarIsCopied() throws IOException {
    Path jar = folder.resolve("x.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (String name : new String[] {"model/", "model/vae/", "model/vae/a.bin", "model/b.json"}) {
        out.putNextEntry(new JarEntry(name));
        if (!name.endsWith("/")) {
          out.write(name.length());
        }
      }
    }
    try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
      Path copy = LocalFolders.ofResource(loader, "model", "b.json");
      assertArrayEquals(new byte[] {15}, Files.readAllBytes(copy.resolve("vae/a.bin")));
      assertArrayEquals(new byte[] {12}, Files.readAllBytes(copy.resolve("b.json")));
    }
  }
}
