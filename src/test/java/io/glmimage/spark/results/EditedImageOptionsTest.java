package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.UsageException;
import io.glmimage.output.EditedImageFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EditedImageOptionsTest {
  private static EditedImageOptions of(String output, String image) {
    return EditedImageOptions.of(output, image, 90, 10, "url");
  }

  @ParameterizedTest
  @CsvSource({
    "png, , FILES, PNG",
    "jpeg, , FILES, JPEG",
    "JPG, , FILES, JPEG",
    "webp, webp, FILES, WEBP",
    "webdataset, jpeg, WEBDATASET, JPEG",
    "parquet, , PARQUET, PNG",
    "Parquet, jpg, PARQUET, JPEG"
  })
  void namesChoosePackingAndFormat(
      String output, String image, Packing packing, EditedImageFormat format) {
    assertEquals(packing, of(output, image).packing());
    assertEquals(format, of(output, image).format());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gif||Invalid --output-format: gif, expected png, jpeg, webp, webdataset or parquet",
        "files||Invalid --output-format: files, expected png, jpeg, webp, webdataset or parquet",
        "parquet|gif|Invalid --image-format: gif, expected png, jpeg or webp",
        "png|webp|Invalid --image-format: webp, expected only with --output-format webdataset or"
            + " parquet; otherwise --output-format names the encoding"
      })
  void unknownNamesAreRefused(String output, String image, String message) {
    assertEquals(message, assertThrows(UsageException.class, () -> of(output, image)).getMessage());
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    for (int quality : new int[] {0, 101}) {
      assertEquals(
          "Invalid --quality: " + quality + ", expected 1 to 100",
          assertThrows(
                  UsageException.class,
                  () -> EditedImageOptions.of("jpeg", null, quality, 10, "url"))
              .getMessage());
    }
    assertEquals(
        "Invalid --shard-size: 0, expected at least 1 row",
        assertThrows(UsageException.class, () -> EditedImageOptions.of("jpeg", null, 90, 0, "url"))
            .getMessage());
  }

  @Test
  void answersAreUrlsOrInline() {
    assertEquals(false, of("png", null).inlineAnswers());
    assertEquals(true, EditedImageOptions.of("png", null, 90, 10, "b64_json").inlineAnswers());
    assertEquals(
        "Invalid --batch-response: x, expected url or b64_json",
        assertThrows(UsageException.class, () -> EditedImageOptions.of("png", null, 90, 10, "x"))
            .getMessage());
  }
}
