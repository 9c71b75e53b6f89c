package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UploadCheckTest {
  @TempDir private Path folder;

  @Test
  void everyDtypeAndSizeComesThroughInPieces() throws Exception {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    // The size of a piece is a multiple of the smallest dtype only.
    int wrong =
        UploadCheck.run(
            folder, 1 << 20, 4104, List.of("cpu", "cpu"), new PrintStream(said, true, "UTF-8"));
    String text = said.toString(StandardCharsets.UTF_8);
    assertEquals(0, wrong, text);
    assertTrue(text.contains(" comparisons, 0 wrong"), text);
    assertTrue(text.contains("round 3: in pieces"), text);
  }
}
