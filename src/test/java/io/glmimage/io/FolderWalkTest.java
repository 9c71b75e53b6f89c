package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderWalkTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  @BeforeEach
  void makeFiles() throws IOException {
    Files.createDirectories(folder.resolve("z/deep"));
    Files.write(folder.resolve("a.png"), new byte[] {1});
    Files.write(folder.resolve("z/deep/b.png"), new byte[] {2});
  }

  private void link(String name, String target) throws IOException {
    Files.createSymbolicLink(folder.resolve(name), Path.of(target));
  }

  private List<String> visited(boolean recursive) throws IOException {
    List<String> files = new ArrayList<>();
    String root = "file:" + folder + "/";
    storage.forEachFile(
        folder.toString(), recursive, path -> files.add(path.substring(root.length())));
    return files;
  }

  @Test
  void linksToTheSameFolderDoNotRepeatFiles() throws IOException {
    link("self", ".");
    link("z/up", "..");
    link("z/deep/again", "../..");
    assertEquals(List.of("a.png", "z/deep/b.png"), visited(true));
    assertEquals(2, storage.files(folder.toString()).size());
  }

  @Test
  void twoLinksDoNotMultiplyFiles() throws IOException {
    // Without memory of visited folders, these make 2^40 paths.
    link("s1", ".");
    link("s2", ".");
    assertEquals(List.of("a.png", "z/deep/b.png"), visited(true));
  }

  @Test
  void aFolderKeepsItsOwnNameBesideALink() throws IOException {
    link("first", "z/deep");
    assertEquals(List.of("a.png", "z/deep/b.png"), visited(true));
  }

  @Test
  void linksToOtherFoldersAndFilesAreFollowed(@TempDir Path other) throws IOException {
    Files.write(other.resolve("c.png"), new byte[] {3});
    link("more", other.toString());
    link("copy.png", "a.png");
    assertEquals(List.of("a.png", "copy.png", "z/deep/b.png", "more/c.png"), visited(true));
  }

  @Test
  void theRootMayBeALink(@TempDir Path other) throws IOException {
    Path root = other.resolve("root");
    Files.createSymbolicLink(root, folder);
    List<String> files = new ArrayList<>();
    storage.forEachFile(root.toString(), true, files::add);
    assertEquals(List.of("file:" + root + "/a.png", "file:" + root + "/z/deep/b.png"), files);
  }

  @Test
  void foldersBelowAreOptional() throws IOException {
    link("more", "z");
    assertEquals(List.of("a.png"), visited(false));
  }

  @Test
  void brokenLinksAndPipesAreNotFiles() throws Exception {
    link("gone.png", "nowhere.png");
    link("z/round", "round");
    new ProcessBuilder("mkfifo", folder.resolve("pipe.png").toString()).start().waitFor();
    List<String> seen = new ArrayList<>();
    int cut = ("file:" + folder + "/").length();
    storage.forEachFile(
        folder.toString(),
        true,
        new Storage.FileVisitor() {
          @Override
          public void file(String path) {
            seen.add("file " + path.substring(cut));
          }

          @Override
          public void brokenLink(String path) {
            seen.add("link " + path.substring(cut));
          }

          @Override
          public void device(String path) {
            seen.add("device " + path.substring(cut));
          }
        });
    assertEquals(
        List.of(
            "link gone.png", "file a.png", "device pipe.png", "link z/round", "file z/deep/b.png"),
        seen);
    String root = "file:" + folder;
    assertEquals(
        List.of(root + "/gone.png", root + "/z/round"),
        storage.brokenLinks(folder.toString(), true));
    assertEquals(List.of(root + "/gone.png"), storage.brokenLinks(folder.toString(), false));
    assertEquals(List.of(root + "/gone.png"), storage.brokenLinks(root + "/gone.png", false));
  }
}
