package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.ErrorClass;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.image.SourceOptions;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.MaskSource;
import io.glmimage.request.EditRequest;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Source images of local files and data URLs, without Spark. */
class SourceReaderTest {
  private static final EditSettings SETTINGS = new EditSettings(null, 96, 20, 1.5, 7, 0.25);

  private final Storage storage = new Storage(new Configuration());
  private final SourceReader reader =
      new SourceReader(storage, LocalSpark.DEFAULTS, SourceOptions.DEFAULT, List.of());

  @TempDir private Path folder;

  @BeforeEach
  void images() throws IOException {
    Files.write(folder.resolve("a.png"), png(64, 96, 10));
    Files.write(folder.resolve("mask.png"), png(32, 32, 255));
    Files.writeString(folder.resolve("broken.png"), "no image");
    Files.createDirectory(folder.resolve("folder.png"));
  }

  private static byte[] png(int height, int width, int grey) {
    byte[] pixels = new byte[height * width * 3];
    Arrays.fill(pixels, (byte) grey);
    return ImageEncoder.png(new RgbImage(height, width, pixels));
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static ManifestRow row(String... sources) {
    return new ManifestRow(0, "r", "p", List.of(sources), List.of(sources), SETTINGS);
  }

  private void assertRefused(ErrorClass errorClass, String message, ManifestRow row) {
    RowFailure e = assertThrows(RowFailure.class, () -> reader.request(row));
    assertEquals(message, e.getMessage());
    assertEquals(errorClass, e.errorClass());
  }

  @Test
  void aRequestHasTheSourcesInOrderAndTheSettingsOfItsRow() throws RowFailure {
    String inline = "data:image/png;base64," + Base64.getEncoder().encodeToString(png(32, 64, 200));
    SourceReader.Read read = reader.request(row(path("a.png"), inline));

    EditRequest request = read.request();
    assertEquals(2, request.sources().size());
    assertEquals(64, request.sources().get(0).height());
    assertEquals(32, request.sources().get(1).height());
    assertEquals((byte) 200, request.sources().get(1).pixels()[0]);
    assertEquals("r", request.id());
    assertNull(request.height());
    assertEquals(96, request.width());
    assertEquals(20, request.steps());
    assertEquals(7, request.seed());
    assertEquals(0.25, request.stepCache());
    assertEquals(2, read.traits().size());
    assertArrayEquals(new byte[0], read.exif());
  }

  @Test
  void theFingerprintIsThatOfTheFilesUntilOneChanges() throws Exception {
    ManifestRow row = row(path("a.png"));
    String read = reader.request(row).fingerprint();
    assertEquals(SourceReader.fingerprint(row, storage), read);

    Files.write(folder.resolve("a.png"), png(96, 96, 10));
    assertNotEquals(read, SourceReader.fingerprint(row, storage));
    Files.delete(folder.resolve("a.png"));
    assertNull(SourceReader.fingerprint(row, storage));
  }

  @Test
  void aSourceThatCannotBeUsedIsNamedWithWhatToDo() {
    String missing = path("gone.png");
    assertRefused(
        ErrorClass.IMAGE_NOT_FOUND,
        missing
            + " does not exist (check image_paths; relative paths start at the manifest's folder)",
        row(path("a.png"), missing));
    assertRefused(
        ErrorClass.IMAGE_UNREADABLE,
        path("folder.png") + " is a folder (name a file in image_paths)",
        row(path("folder.png")));
    RowFailure broken =
        assertThrows(RowFailure.class, () -> reader.request(row(path("broken.png"))));
    assertEquals(ErrorClass.IMAGE_INVALID, broken.errorClass());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "shot of No space left on device error.png",
        "a: Too many open files",
        "a (Read-only file system)",
        "ExpiredToken.png",
        "a Status Code: 403"
      })
  void aMissingFileIsMissingWhateverItsName(String name) throws Exception {
    assertRefused(
        ErrorClass.IMAGE_NOT_FOUND,
        path(name)
            + " does not exist (check image_paths; relative paths start at the manifest's folder)",
        row(path("a.png"), path(name)));
    Files.createDirectory(folder.resolve(name));
    assertRefused(
        ErrorClass.IMAGE_UNREADABLE,
        path(name) + " is a folder (name a file in image_paths)",
        row(path(name)));
  }

  @Test
  void aMaskHasTheSizeOfItsSourceAndItsOwnAdvice() {
    ManifestRow row = row(path("a.png"));
    RowFailure other =
        assertThrows(
            RowFailure.class,
            () -> reader.request(masked(row, new MaskSource(path("mask.png"), false))));
    assertEquals(ErrorClass.IMAGE_INVALID, other.errorClass());
    assertRefused(
        ErrorClass.IMAGE_NOT_FOUND,
        path("gone.png")
            + " does not exist (check mask_path; relative paths start at the manifest's folder)",
        masked(row, new MaskSource(path("gone.png"), false)));
  }

  @Test
  void aNameInTheOtherUnicodeFormIsPointedOut() throws IOException {
    Files.write(folder.resolve("e\u0301.png"), png(32, 32, 1));
    assertRefused(
        ErrorClass.IMAGE_NOT_FOUND,
        path("\u00e9.png")
            + " does not exist (a file exists whose name looks the same, in the Unicode form NFD;"
            + " write the path in this form, or rename the file)",
        row(path("\u00e9.png")));
  }

  private static ManifestRow masked(ManifestRow row, MaskSource mask) {
    return new ManifestRow(
        row.index(), row.id(), row.prompt(), row.imagePaths(), row.sources(), row.settings(), mask);
  }

  @Test
  void withoutSourcesNothingIsRead() {
    SourceReader.Read read = SourceReader.withoutSources(row("/nowhere/a.png"));
    assertEquals(List.of(), read.request().sources());
    assertNull(read.fingerprint());
  }

  /** A file system of which no file may be read. */
  public static final class UnreachableFileSystem extends RawLocalFileSystem {
    static final AtomicInteger OPENED = new AtomicInteger();

    @Override
    public void initialize(URI uri, Configuration configuration) throws IOException {
      OPENED.incrementAndGet();
      throw new IOException("no such host: " + uri.getHost());
    }
  }

  private static SourceReader reader(Configuration settings, List<String> allowed, String out) {
    return new SourceReader(
        new Storage(settings),
        LocalSpark.DEFAULTS,
        SourceOptions.DEFAULT.allowing(allowed),
        List.of(out + "/images", out + "/changes"));
  }

  @Test
  void theFileSystemOfAPathOutsideTheAllowedFoldersIsNotOpened() {
    Configuration settings = new Configuration(false);
    settings.setClass("fs.foreign.impl", UnreachableFileSystem.class, FileSystem.class);
    String file = "foreign://host/a.png";
    int before = UnreachableFileSystem.OPENED.get();
    RowFailure refused =
        assertThrows(
            RowFailure.class,
            () -> reader(settings, List.of(folder.toString()), folder + "/out").request(row(file)));
    assertEquals(ErrorClass.INVALID_ROW, refused.errorClass());
    assertEquals(before, UnreachableFileSystem.OPENED.get());

    RowFailure unreadable =
        assertThrows(
            RowFailure.class,
            () -> reader(settings, List.of(), folder + "/out").request(row(file)));
    assertEquals(ErrorClass.IMAGE_UNREADABLE, unreadable.errorClass());
    assertTrue(unreadable.getMessage().contains("no such host: host"), unreadable.getMessage());
    assertTrue(UnreachableFileSystem.OPENED.get() > before);
  }

  @Test
  void aFileSystemWhoseClassIsMissingFailsItsRow() {
    Configuration settings = new Configuration(false);
    settings.set("fs.cloud.impl", "com.example.CloudFileSystem");
    RowFailure failure =
        assertThrows(
            RowFailure.class,
            () -> reader(settings, List.of(), folder + "/out").request(row("cloud://b/a.png")));
    assertEquals(ErrorClass.IMAGE_UNREADABLE, failure.errorClass());
    assertEquals(
        "Cannot open the file system of cloud://b/a.png: Class com.example.CloudFileSystem not"
            + " found; add its library to the class path (spark.jars)",
        failure.getMessage());
  }

  @Test
  void filesInFoldersThatTheRunWritesToFailTheirRow() throws IOException {
    for (String name : List.of("images", "changes")) {
      Files.createDirectories(folder.resolve("out/" + name));
      Files.write(folder.resolve("out/" + name + "/a.png"), png(64, 96, 10));
      String file = path("out/x/../" + name + "/a.png");
      SourceReader ofRun = reader(new Configuration(), List.of(), path("out"));
      ManifestRow masked =
          new ManifestRow(
              0,
              "r",
              "p",
              List.of(path("a.png")),
              List.of(path("a.png")),
              SETTINGS,
              new MaskSource(file, false));
      for (ManifestRow row : List.of(row(file), row(path("a.png"), file), masked)) {
        RowFailure failure = assertThrows(RowFailure.class, () -> ofRun.request(row));
        assertEquals(ErrorClass.INVALID_ROW, failure.errorClass());
        assertEquals(
            file
                + " is in a folder that this run writes to, and may be replaced; choose another"
                + " --output",
            failure.getMessage());
      }
    }
  }
}
