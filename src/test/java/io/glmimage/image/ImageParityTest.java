package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Resizing equals Pillow's and torch's bit by bit; decoding equals Pillow's. */
@Tag("parity")
class ImageParityTest {
  static List<GoldenCase> cases() {
    return Goldens.cases("09_image_processor");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void resizesExactly(GoldenCase golden) throws IOException {
    for (JsonNode job : golden.json().get("jobs")) {
      String file = job.get("image").asText();
      int height = job.get("height").asInt();
      int width = job.get("width").asInt();
      RgbImage source = stored(file);
      String to = file + "_to_" + height + "x" + width;
      if (job.get("resample").asText().equals("lanczos")) {
        RgbImage resized = Resampler.lanczos(source, height, width);
        exact(golden, to + "/resized", resized);
      } else {
        exact(golden, "bicubic_" + to + "/pil", Resampler.bicubic(source, height, width));
        exact(golden, "bicubic_" + to + "/tv", Resampler.bicubicTorch(source, height, width));
      }
    }
  }

  @Test
  void decodesAsPillowDoes() throws IOException {
    GoldenCase golden = Goldens.images();
    for (String tensor : golden.tensorNames()) {
      String file = tensor.substring(0, tensor.indexOf('/'));
      RgbImage actual =
          tensor.endsWith("/rgb_exif_applied")
              ? ImageDecoder.decode(Files.readAllBytes(Goldens.image(file)), file)
              : stored(file);
      exact(golden, tensor, actual);
    }
  }

  private static RgbImage stored(String file) throws IOException {
    return ImageDecoder.decodeStored(
        Files.readAllBytes(Goldens.image(file)), file, ImageDecoder.DEFAULT_MAX_PIXELS);
  }

  private static void exact(GoldenCase golden, String tensor, RgbImage actual) {
    long[] shape = golden.shape(tensor);
    assertEquals(List.of(shape[0], shape[1]), sides(actual), () -> tensor + ": height and width");
    Tolerance.exact(golden.name(), tensor, widened(golden.bytes(tensor)), widened(actual.pixels()));
  }

  private static List<Long> sides(RgbImage image) {
    return new ArrayList<>(List.of((long) image.height(), (long) image.width()));
  }

  private static long[] widened(byte[] bytes) {
    long[] out = new long[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      out[i] = bytes[i] & 255;
    }
    return out;
  }
}
