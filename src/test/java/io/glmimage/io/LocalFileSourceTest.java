package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalFileSourceTest {
  @TempDir private Path folder;

  @BeforeEach
  void files() throws IOException {
    Files.writeString(folder.resolve("a.json"), "{}");
    Files.createDirectory(folder.resolve("part"));
    Files.writeString(folder.resolve("part/b.json"), "{}");
  }

  private List<String> files(LocalFileSource source) throws IOException {
    return source.list().stream().map(FileSource.Entry::path).toList();
  }

  @Test
  void linksToNothingAndToThemselvesAreBroken() throws IOException {
    Files.createSymbolicLink(folder.resolve("part/gone"), Path.of("../../blobs/0123"));
    Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
    Files.createSymbolicLink(folder.resolve("below-a-file"), Path.of("a.json/x"));
    Files.createSymbolicLink(folder.resolve("right"), Path.of("a.json"));
    LocalFileSource source = new LocalFileSource(folder);
    assertEquals(List.of("below-a-file", "loop", "part/gone"), source.brokenLinks());
    assertEquals(List.of("a.json", "part/b.json", "right"), files(source));
  }

  @Test
  void aNameThatTheProcessCannotWriteIsLeftOut() throws Exception {
    // Latin-1 bytes, which are not UTF-8.
    String[] command = {"sh", "-c", "touch \"$(printf 'gr\\366sse.json')\""};
    assumeTrue(
        new ProcessBuilder(command).directory(folder.toFile()).start().waitFor() == 0,
        "Skipped: the file system wants names in UTF-8");
    LocalFileSource source = new LocalFileSource(folder);
    assertEquals(List.of("a.json", "part/b.json"), files(source));
    assertEquals(List.of(), source.brokenLinks());
  }

  @Test
  void foldersThatTheUserMayNotReadAreLeftOut() throws IOException {
    Path closed = Files.createDirectory(folder.resolve("lost+found"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
    assumeFalse(Files.isReadable(closed), "Skipped: root may read everything");
    LocalFileSource source = new LocalFileSource(folder);
    assertEquals(List.of("a.json", "part/b.json"), files(source));
    assertEquals(List.of("lost+found"), source.closedFolders());
  }
}
