package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.drew.imaging.ImageMetadataReader;
import com.drew.imaging.ImageProcessingException;
import com.drew.metadata.Directory;
import com.drew.metadata.Metadata;
import com.drew.metadata.exif.ExifIFD0Directory;
import com.drew.metadata.exif.ExifInteropDirectory;
import com.drew.metadata.exif.ExifSubIFDDirectory;
import com.drew.metadata.exif.ExifThumbnailDirectory;
import com.drew.metadata.exif.GpsDirectory;
import com.drew.metadata.icc.IccDirectory;
import io.glmimage.error.UsageException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Another library reads what is copied. */
class ExifCopyTest {
  private static final RgbImage IMAGE = new RgbImage(2, 3, new byte[18]);
  private static final Map<String, String> TEXTS = Map.of("Description", "a prompt");

  private static byte[] source(String name) throws IOException {
    return Files.readAllBytes(Path.of("src/test/resources/colours").resolve(name));
  }

  private static byte[] encoded(String format, byte[] exif) {
    return switch (format) {
      case "png" -> ImageEncoder.png(IMAGE, TEXTS, exif);
      case "jpeg" -> JpegEncoder.jpeg(IMAGE, 90, TEXTS, exif);
      default -> WebpEncoder.webp(IMAGE, 90, TEXTS, exif);
    };
  }

  private static Metadata read(byte[] file) throws ImageProcessingException, IOException {
    Metadata metadata = ImageMetadataReader.readMetadata(new ByteArrayInputStream(file));
    for (Directory directory : metadata.getDirectories()) {
      assertEquals(0, directory.getErrorCount(), () -> String.valueOf(directory.getErrors()));
    }
    return metadata;
  }

  @ParameterizedTest
  @CsvSource({"exif.jpg,png", "exif.png,jpeg", "exif.webp,webp", "exif.jpg,jpeg"})
  void whatHoldsForTheEditedImageIsCopied(String source, String format) throws Exception {
    byte[] file = encoded(format, ExifCopy.of(source(source), KeptMetadata.EXIF));
    assertEquals(1, Orientation.of(file, ImageFormat.of(file).orElseThrow()).value());
    Metadata metadata = read(file);
    ExifIFD0Directory root = metadata.getFirstDirectoryOfType(ExifIFD0Directory.class);
    assertEquals("A drawn scene", root.getString(ExifIFD0Directory.TAG_IMAGE_DESCRIPTION));
    assertEquals("Maker", root.getString(ExifIFD0Directory.TAG_MAKE));
    assertEquals("Model 1", root.getString(ExifIFD0Directory.TAG_MODEL));
    assertEquals("Artist", root.getString(ExifIFD0Directory.TAG_ARTIST));
    assertEquals("Public domain", root.getString(ExifIFD0Directory.TAG_COPYRIGHT));
    assertNull(root.getInteger(ExifIFD0Directory.TAG_ORIENTATION));
    assertNull(root.getInteger(ExifIFD0Directory.TAG_IMAGE_WIDTH));
    ExifSubIFDDirectory exif = metadata.getFirstDirectoryOfType(ExifSubIFDDirectory.class);
    assertEquals(200, exif.getInteger(ExifSubIFDDirectory.TAG_ISO_EQUIVALENT));
    assertEquals(2.8, exif.getDouble(ExifSubIFDDirectory.TAG_FNUMBER), 1e-6);
    assertEquals("A lens", exif.getString(ExifSubIFDDirectory.TAG_LENS_MODEL));
    assertEquals("ab", exif.getString(ExifSubIFDDirectory.TAG_LENS_MAKE));
    assertEquals(1, exif.getInteger(ExifSubIFDDirectory.TAG_COLOR_SPACE), "sRGB");
    assertNull(exif.getInteger(ExifSubIFDDirectory.TAG_EXIF_IMAGE_WIDTH));
    assertNull(exif.getObject(ExifSubIFDDirectory.TAG_MAKERNOTE));
    assertNull(metadata.getFirstDirectoryOfType(GpsDirectory.class));
    assertNull(metadata.getFirstDirectoryOfType(ExifThumbnailDirectory.class));
    assertNull(metadata.getFirstDirectoryOfType(ExifInteropDirectory.class));
    RgbImage plain = ImageDecoder.decode(encoded(format, new byte[0]), "plain");
    assertArrayEquals(plain.pixels(), ImageDecoder.decode(file, "edited").pixels());
  }

  @Test
  void theLayoutOfATiffFileIsNotCopied() throws Exception {
    TiffTags tags = TiffTags.of(ExifCopy.of(source("exif.tif"), KeptMetadata.EXIF));
    assertEquals(Set.of(0x10E, 0x10F, 0x110, 0x132, 0x13B, 0x8298), tags.entries().keySet());
    assertEquals("Maker", tags.text(0x10F));
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpeg", "webp"})
  void thePlaceIsCopiedOnDemand(String format) throws Exception {
    byte[] exif = ExifCopy.of(source("exif.jpg"), KeptMetadata.EXIF_GPS);
    Metadata metadata = read(encoded(format, exif));
    GpsDirectory place = metadata.getFirstDirectoryOfType(GpsDirectory.class);
    assertEquals(52.520139, place.getGeoLocation().getLatitude(), 1e-6);
    assertEquals(13.41, place.getGeoLocation().getLongitude(), 1e-6);
    assertNotNull(metadata.getFirstDirectoryOfType(ExifSubIFDDirectory.class));
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpeg", "webp"})
  void editedImagesHaveNoColourProfile(String format) throws Exception {
    byte[] exif = ExifCopy.of(source("exif.jpg"), KeptMetadata.EXIF_GPS);
    for (byte[] file : new byte[][] {encoded(format, new byte[0]), encoded(format, exif)}) {
      assertNull(read(file).getFirstDirectoryOfType(IccDirectory.class));
      assertEquals(0, MetadataBlocks.of(file, ImageFormat.of(file).orElseThrow()).profile().length);
    }
  }

  @Test
  void nothingIsCopiedUnlessAskedOrIfThereIsNothing() throws IOException {
    assertEquals(0, ExifCopy.of(source("exif.jpg"), KeptMetadata.NONE).length);
    assertEquals(0, ExifCopy.of(source("jpeg_p3.jpg"), KeptMetadata.EXIF_GPS).length);
    assertEquals(0, ExifCopy.of(source("png_p3.png"), KeptMetadata.EXIF_GPS).length);
    assertEquals(0, ExifCopy.of(new byte[3], KeptMetadata.EXIF_GPS).length);
  }

  private static byte[] png(byte[] exif) {
    return ImageEncoder.png(IMAGE, Map.of(), exif);
  }

  @Test
  void bothByteOrdersAreKept() {
    byte[] big =
        "MM\0*\0\0\0\b\0\2\1\17\0\2\0\0\0\5\0\0\0&\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0Make\0"
            .getBytes(StandardCharsets.ISO_8859_1);
    byte[] copied = ExifCopy.of(png(big), KeptMetadata.EXIF);
    assertEquals('M', copied[0]);
    TiffTags tags = TiffTags.of(copied);
    assertEquals(1, tags.entries().size());
    assertEquals("Make", tags.text(0x10F));
  }

  @Test
  void hostileBlocksCostNothing() {
    // 5000 tags of the EXIF directory, each with the whole block as its value.
    int tags = 5000;
    byte[] block = new byte[38 + tags * 12 + 10];
    ByteBuffer out = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
    out.put((byte) 'I').put((byte) 'I').putShort((short) 42).putInt(8).putShort((short) 1);
    out.putShort((short) 0x8769).putShort((short) 4).putInt(1).putInt(26).putInt(0);
    out.putShort((short) tags);
    for (int i = 0; i < tags; i++) {
      out.putShort((short) (0x1000 + i)).putShort((short) 7).putInt(block.length).putInt(0);
    }
    byte[] copied = ExifCopy.of(png(block), KeptMetadata.EXIF);
    assertTrue(copied.length <= 65_000, () -> copied.length + " bytes");
    // A directory that contains itself.
    out.putInt(18, 8);
    assertTrue(ExifCopy.of(png(block), KeptMetadata.EXIF_GPS).length <= 65_000);
  }

  @Test
  void unknownKindsOfMetadataAreRefused() {
    String message =
        assertThrows(UsageException.class, () -> SourceOptions.of("convert", "drop", "all"))
            .getMessage();
    assertEquals("Invalid --keep-metadata: all, expected one of none, exif, exif+gps", message);
    assertEquals(
        " colour convert metadata exif+gps",
        SourceOptions.of("convert", "drop", "EXIF+GPS").fingerprint());
    assertEquals("", SourceOptions.of("ignore", "drop", "none").fingerprint());
  }
}
