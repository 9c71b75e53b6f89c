package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OutputLayoutTest {
  @Test
  void theIdAndTheFormatDecideThePathOfAnEditedImage() {
    OutputLayout output = new OutputLayout("s3a://b/out//");
    assertEquals("s3a://b/out/images/r-1.png", output.image("r-1", EditedImageFormat.PNG));
    assertEquals("s3a://b/out/images/r-1.jpg", output.image("r-1", EditedImageFormat.JPEG));
  }

  @Test
  void manyEditedImagesAreSpreadOverFolders() {
    OutputLayout output = new OutputLayout("s3a://b/out", true);
    String image = output.image("r-1", EditedImageFormat.PNG);
    assertTrue(image.matches("s3a://b/out/images/[0-9a-f]{2}/r-1\\.png"), image);
    Set<String> folders = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      String path = output.image("row-" + i, EditedImageFormat.PNG);
      folders.add(path.substring(0, path.lastIndexOf('/')));
    }
    assertEquals(256, folders.size());
  }

  /** Later versions must find the files of earlier ones. */
  @Test
  void namesOnDiskNeverChange() {
    OutputLayout output = new OutputLayout("o");
    assertEquals("o/_run/lines", output.ledger());
    assertEquals("o/_run/journal", output.journal());
    assertEquals("o/_run/orphans", output.orphans());
    assertEquals("o/_run/packed", output.packed());
    assertEquals("o/_run/lock.json", output.lock());
    assertEquals("o/results/_SUCCESS", output.success());
    assertEquals("o/images/_layout.json", output.spreadMarker());
  }
}
