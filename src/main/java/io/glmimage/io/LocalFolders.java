package io.glmimage.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Temporary folders on the local disk, and resources as folders. */
public final class LocalFolders {
  private LocalFolders() {}

  /** An empty folder that is deleted when the JVM ends. */
  public static Path temporary(String prefix) throws IOException {
    Path folder = Files.createTempDirectory(prefix);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> deleteQuietly(folder)));
    return folder;
  }

  /** Deletes a folder with its content; does nothing if it does not exist. */
  public static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * A folder of the class path as a local folder. A folder inside a jar is copied to a temporary
   * one.
   *
   * @param folder the resource's name, without slashes at its ends
   * @param file name of a file in the folder
   */
  public static Path ofResource(ClassLoader loader, String folder, String file) throws IOException {
    URL url = loader.getResource(folder + "/" + file);
    if (url == null) {
      throw new IOException("Cannot find resource " + folder + "/" + file + " on the class path");
    }
    if (url.getProtocol().equals("file")) {
      try {
        return Path.of(url.toURI()).getParent();
      } catch (URISyntaxException e) {
        throw new IOException("Invalid resource address: " + url, e);
      }
    }
    if (!(url.openConnection() instanceof JarURLConnection jar)) {
      throw new IOException("Cannot read resource " + url + ": it is not in a jar");
    }
    Path copy = temporary("glm-image");
    try (FileSystem files = FileSystems.newFileSystem(Path.of(jar.getJarFileURL().toURI()))) {
      Path root = files.getPath(folder);
      List<Path> all;
      try (Stream<Path> walk = Files.walk(root)) {
        all = walk.toList();
      }
      for (Path source : all) {
        // As a text, because the two paths belong to different file systems.
        Path target = copy.resolve(root.relativize(source).toString()).normalize();
        if (!target.startsWith(copy)) {
          throw new IOException("Invalid resource name: " + source);
        }
        if (Files.isDirectory(source)) {
          Files.createDirectories(target);
        } else {
          Files.copy(source, target);
        }
      }
    } catch (URISyntaxException e) {
      throw new IOException("Invalid resource address: " + url, e);
    }
    return copy;
  }

  /** Deletes as much as possible. At the end of the JVM, failures cannot be reported any more. */
  private static void deleteQuietly(Path folder) {
    try {
      delete(folder);
    } catch (IOException e) {
      folder.toFile().deleteOnExit();
    }
  }
}
