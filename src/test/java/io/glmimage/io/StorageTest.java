package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.SocketTimeoutException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
  void aLongFileIsWrittenAgainFromItsStartWhereThatMayHelp() throws IOException {
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
  void readsNoFileLargerThanTheLimit() throws IOException {
    storage.write(folder + "/x", new byte[100_000]);
    assertEquals(100_000, storage.read(folder + "/x", 100_000).length);
    IOException e = assertThrows(IOException.class, () -> storage.read(folder + "/x", 99_999));
    assertTrue(e.getMessage().contains("larger than 99999 bytes"), e.getMessage());
  }

  @Test
  void missingFilesAreToldFromUnreadableOnes() {
    assertThrows(FileNotFoundException.class, () -> storage.read(folder + "/none", 1));
    IOException e = assertThrows(IOException.class, () -> storage.read("nosuch://x/y", 1));
    assertFalse(e instanceof FileNotFoundException);
  }

  @Test
  void namesPlacesWithTheirScheme() throws IOException {
    assertEquals("file:" + folder + "/x", storage.qualified(folder + "/x"));
    assertEquals("file:" + folder, storage.parent(folder + "/x/"));
    assertEquals(folder.resolve("x"), storage.local("file:" + folder + "/x"));
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
  void settingsTravel() throws Exception {
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
}
