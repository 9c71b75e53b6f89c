package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.digest.Sha256;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.json.Json;
import io.glmimage.model.Grid;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Configurations of the image processor like the published one, against transformers' own results;
 * src/test/python/make_image_processor.py makes the expectations.
 */
class ImageProcessorReferenceTest {
  private static final double TOLERANCE = 1e-6;

  @TempDir private static Path root;

  private static JsonNode fixture() throws IOException {
    try (InputStream in =
        ImageProcessorReferenceTest.class.getResourceAsStream("/image-processor.json")) {
      return Json.MAPPER.readTree(in);
    }
  }

  private static ImageProcessor processor(JsonNode configuration) throws IOException {
    Path folder = Files.createTempDirectory(root, "model");
    Files.writeString(
        folder.resolve("model_index.json"), "{\"_class_name\": \"GlmImagePipeline\"}");
    Files.createDirectories(folder.resolve("processor"));
    Files.writeString(
        folder.resolve("processor/preprocessor_config.json"), configuration.toString());
    return ImageProcessor.load(CheckpointFolder.open(folder));
  }

  /** The image of the script's formula. */
  private static RgbImage image(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    int o = 0;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        for (int c = 0; c < 3; c++) {
          pixels[o++] = (byte) (x * x / 7 + y * 5 + x * y / 11 + c * 85);
        }
      }
    }
    return new RgbImage(height, width, pixels);
  }

  @TestFactory
  Stream<DynamicTest> processesAsTheReference() throws IOException {
    JsonNode fixture = fixture();
    assertTrue(fixture.path("cases").size() > 50);
    return StreamSupport.stream(fixture.path("cases").spliterator(), false)
        .map(
            example ->
                dynamicTest(
                    example.path("configuration").asText()
                        + ", "
                        + example.path("height")
                        + " x "
                        + example.path("width"),
                    () ->
                        check(
                            processor(
                                fixture
                                    .path("configurations")
                                    .path(example.path("configuration").asText())),
                            example)));
  }

  private static void check(ImageProcessor processor, JsonNode example) {
    RgbImage source = image(example.path("height").asInt(), example.path("width").asInt());
    JsonNode grid = example.path("grid");
    assertEquals(
        new Grid(grid.path(1).asInt(), grid.path(2).asInt()),
        processor.grid(new PixelSize(source.height(), source.width())));
    RgbImage resized = processor.resize(source);
    assertEquals(example.path("resized").path(0).asInt(), resized.height());
    assertEquals(example.path("resized").path(1).asInt(), resized.width());
    assertEquals(example.path("resized_sha256").asText(), Sha256.hex(resized.pixels()));
    SourcePixels pixels = processor.process(source);
    assertEquals(example.path("shape").path(0).asInt(), pixels.grid().size());
    assertEquals(example.path("shape").path(1).asInt(), pixels.patchLength());
    int every = example.path("every").asInt();
    for (int i = 0; i < example.path("values").size(); i++) {
      double expected = example.path("values").path(i).asDouble();
      assertEquals(
          expected,
          pixels.values()[i * every],
          TOLERANCE + TOLERANCE * Math.abs(expected),
          "value " + i * every);
    }
  }
}
