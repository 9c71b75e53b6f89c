package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Source images of local files and data URLs, without Spark. */
class SourceReaderTest {
  private static final EditSettings SETTINGS = new EditSettings(null, 96, 20, 1.5, 7, 0.25);

  private final Storage storage = new Storage(new Configuration());
  private final SourceReader reader =
      new SourceReader(storage, LocalSpark.DEFAULTS, SourceOptions.DEFAULT);

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
}
