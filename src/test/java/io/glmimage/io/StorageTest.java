package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.error.UsageException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StorageTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  @Test
  void writesWholeFilesAndLeavesNothingElse() throws IOException {
    String file = folder + "/images/a b~ü.png";
    storage.write(file, new byte[] {1, 2});
    storage.write(file, new byte[] {3});
    assertArrayEquals(new byte[] {3}, storage.read(file, 10));
    assertEquals(List.of("a b~ü.png"), storage.names(folder + "/images"));
  }

  @Test
  void aFolderIsNotReplacedByAFileAndReceivesNone() throws IOException {
    Path there = Files.createDirectories(folder.resolve("sheet.png"));
    IOException e =
        assertThrows(LastingException.class, () -> storage.write(there.toString(), new byte[] {1}));
    assertEquals(
        "Cannot write " + there + ": it is a folder; name a file, or remove the folder",
        e.getMessage());
    assertThrows(
        LastingException.class,
        () -> storage.write(there.toString(), new byte[] {1}, Map.of(), folder + "/tmp"));
    assertEquals(List.of(), storage.names(there.toString()));
    assertEquals(List.of(), storage.names(folder + "/tmp"));
    UsageException refused =
        assertThrows(
            UsageException.class, () -> storage.refuseFolder("--output", there.toString()));
    assertEquals(
        "Invalid --output: " + there + " is a folder; name the file to write",
        refused.getMessage());
    storage.refuseFolder("--output", there + "/new.png");
  }

  @Test
  void afterATemporaryFailureALongFileIsWrittenAgainFromItsStart() throws IOException {
    Storage patient = new Storage(new Configuration(), new Retries(3, 2));
    AtomicInteger calls = new AtomicInteger();
    patient.write(
        folder + "/packs/x.tar",
        out -> {
          out.write(new byte[100_000]);
          if (calls.incrementAndGet() < 3) {
            throw new SocketTimeoutException("slow");
          }
          out.write(7);
        });
    assertEquals(3, calls.get());
    assertEquals(100_001, patient.read(folder + "/packs/x.tar", 1 << 20).length);
    calls.set(0);
    Storage.Content denied =
        out -> {
          calls.incrementAndGet();
          out.write(1);
          throw new AccessDeniedException("x");
        };
    assertThrows(AccessDeniedException.class, () -> patient.write(folder + "/packs/y.tar", denied));
    assertEquals(1, calls.get());
    assertEquals(List.of("x.tar"), patient.names(folder + "/packs"));
  }

  @Test
  void webAddressesAreRefused() {
    for (String address : List.of("https://example.com/m.jsonl", "ftp://example.com/m.jsonl")) {
      IOException e = assertThrows(IOException.class, () -> storage.exists(address));
      assertEquals(
          "Cannot open "
              + address
              + ": web addresses are not read; download the file to a folder or a bucket",
          e.getMessage());
    }
  }

  @Test
  void pathsWithCredentialsAreRefusedWithoutNamingThem() {
    IOException e =
        assertThrows(IOException.class, () -> storage.exists("s3a://KEY:se/cret@bucket/m.jsonl"));
    assertEquals(
        "Invalid path: s3a://***@bucket/m.jsonl, a path has no credentials; set them in Spark's"
            + " configuration",
        e.getMessage());
    // ABFS has the container there.
    assertFalse(Redaction.hasCredentials("abfs://container@account.dfs.core.windows.net/m.jsonl"));
    assertFalse(Redaction.hasCredentials("hdfs://namenode:8020/a@b.jsonl"));
  }

  @Test
  void filesLargerThanTheLimitAreRefused() throws IOException {
    storage.write(folder + "/x", new byte[100_000]);
    assertEquals(100_000, storage.read(folder + "/x", 100_000).length);
    IOException e = assertThrows(IOException.class, () -> storage.read(folder + "/x", 99_999));
    assertTrue(e.getMessage().contains("larger than 99999 bytes"), e.getMessage());
  }

  @Test
  void missingFilesDifferFromUnreadableOnes() {
    assertThrows(FileNotFoundException.class, () -> storage.read(folder + "/none", 1));
    IOException e = assertThrows(IOException.class, () -> storage.read("nosuch://x/y", 1));
    assertFalse(e instanceof FileNotFoundException);
  }

  @Test
  void qualifiedPathsHaveAScheme() throws IOException {
    assertEquals("file:" + folder + "/x", storage.qualified(folder + "/x"));
    assertEquals("file:" + folder, storage.parent(folder + "/x/"));
    assertEquals(folder.resolve("x"), storage.local("file:" + folder + "/x"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rows[1]",
        "{x,y}",
        "back\\slash",
        "o*z",
        "what?",
        "a:b",
        "a b%20c",
        "cafe\u0301",
        "caf\u00e9"
      })
  void pathsAreLiteral(String name) throws IOException {
    // Each of these would match the name as a pattern.
    for (String other : new String[] {"rows1", "x", "backslash", "oXz", "whatX", "a b c"}) {
      storage.write(folder + "/" + other + "/file", new byte[] {9});
    }
    String path = folder + "/" + name;
    assertFalse(storage.exists(path));
    storage.write(path + "/" + name, new byte[] {1});
    storage.write(path + "/" + name, new byte[] {2});
    assertTrue(storage.isFolder(path));
    assertArrayEquals(new byte[] {2}, storage.read(path + "/" + name, 10));
    assertEquals(List.of(name), storage.names(path));
    assertEquals(List.of(storage.qualified(path + "/" + name)), storage.filesIn(path));
    assertEquals(storage.qualified(path + "/" + name), storage.files(path).get(0).path());
    assertEquals(name, storage.checkpoint(path).list().get(0).path());
    assertTrue(storage.writeNew(path + "/" + name + "2", new byte[] {3}));
    assertFalse(storage.writeNew(path + "/" + name + "2", new byte[] {3}));
    storage.delete(path);
    assertFalse(storage.exists(path));
    assertTrue(storage.exists(folder + "/oXz/file"));
  }

  @Test
  void fileUrisAreDecoded() throws IOException {
    Path file = folder.resolve("a b[1]%20.png");
    storage.write(file.toString(), new byte[] {5});
    String uri = file.toUri().toString();
    assertTrue(uri.contains("a%20b") && uri.contains("%2520"), uri);
    assertArrayEquals(new byte[] {5}, storage.read(uri, 10));
    assertArrayEquals(new byte[] {5}, storage.read("file:" + file, 10));
    assertEquals(file, storage.local(uri));
  }

  @Test
  void aFullDiskFailsTheJobWithThePath() {
    Storage patient = new Storage(new Configuration(), new Retries(5, 60_000));
    IOException full = new IOException("No space left on device");
    for (Storage.Content content :
        List.<Storage.Content>of(
            out -> {
              throw full;
            },
            StorageTest::writeToAFullDisk)) {
      JobException e =
          assertThrows(JobException.class, () -> patient.write(folder + "/x/y.png", content));
      assertEquals(
          "Cannot write "
              + folder
              + "/x/y.png: No space left on device; correct this and run the command again",
          e.getMessage());
    }
  }

  /** Makes Hadoop's local file system throw an {@link FSError}. */
  private static void writeToAFullDisk(OutputStream unused) throws IOException {
    assumeTrue(Files.exists(Path.of("/dev/full")), "This test needs the device /dev/full of Linux");
    try (RawLocalFileSystem disk = new RawLocalFileSystem()) {
      disk.initialize(URI.create("file:///"), new Configuration());
      try (OutputStream out = disk.append(new org.apache.hadoop.fs.Path("/dev/full"))) {
        assertThrows(FSError.class, () -> out.write(new byte[1 << 20]));
        out.write(new byte[1 << 20]);
      }
    }
  }

  @Test
  void aFolderThatCannotBeMadeIsNamed() throws IOException {
    storage.write(folder + "/file", new byte[] {1});
    IOException e =
        assertThrows(
            IOException.class, () -> storage.write(folder + "/file/below/x", new byte[] {1}));
    assertTrue(e.getMessage().contains(folder + "/file"), e.getMessage());
  }

  @Test
  void readsModelFolders() throws IOException {
    storage.write(folder + "/model/vae/config.json", new byte[] {7});
    FileSource model = storage.checkpoint("file:" + folder + "/model");
    assertEquals("vae/config.json", model.list().get(0).path());
    try (var in = model.open("vae/config.json", 0)) {
      assertArrayEquals(new byte[] {7}, in.readAllBytes());
    }
    assertThrows(FileNotFoundException.class, () -> storage.checkpoint(folder + "/none"));
  }

  @Test
  void settingsCanBeSerialised() throws Exception {
    Configuration configuration = new Configuration(false);
    configuration.set("fs.s3a.secret.key", "averysecretkey");
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(new HadoopSettings(configuration));
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      HadoopSettings copy = (HadoopSettings) in.readObject();
      assertEquals("a *** b", copy.redaction().apply("a averysecretkey b"));
    }
  }

  @Test
  void aPipeIsRefusedInsteadOfWaitingForItsWriter() throws Exception {
    Path pipe = folder.resolve("pipe.png");
    Process made;
    try {
      made = new ProcessBuilder("mkfifo", pipe.toString()).start();
    } catch (IOException e) {
      assumeTrue(false, "no mkfifo");
      return;
    }
    assumeTrue(made.waitFor() == 0);
    String name = pipe.toString();
    for (Executable read :
        List.<Executable>of(
            () -> storage.stat(name),
            () -> storage.head(name, 1),
            () -> storage.head(name, 1, 1),
            () -> storage.read(name, 1),
            () -> storage.open(name).close())) {
      assertTimeoutPreemptively(
          Duration.ofSeconds(60),
          () ->
              assertTrue(
                  assertThrows(IOException.class, read)
                      .getMessage()
                      .contains("it is a pipe or a device")));
    }
  }
}
