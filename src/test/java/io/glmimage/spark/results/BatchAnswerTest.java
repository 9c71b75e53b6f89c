package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchAnswerTest {
  private static final BatchAnswer.Image FIRST =
      new BatchAnswer.Image("OK", null, null, "s3a://b/images/one.jpg", 128, 64, 5L);
  private static final BatchAnswer.Image SECOND =
      new BatchAnswer.Image("OK", null, null, "s3a://b/images/two.jpg", 128, 64, 6L);

  private static BatchAnswer.Image failed(String errorClass) {
    return new BatchAnswer.Image("FAILED", errorClass, "why", null, null, null, 7L);
  }

  private static BatchAnswer answer(String format, BatchAnswer.Image... images) {
    return new BatchAnswer("r-1", "r-1", format, Arrays.asList(images));
  }

  private static JsonNode json(BatchAnswer answer, boolean inline) throws IOException {
    return new ObjectMapper()
        .readTree(answer.json(inline, 1700000000L, path -> path.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void aSuccessfulRequestListsItsImages() throws IOException {
    BatchAnswer answer = answer(null, FIRST, SECOND);
    assertFalse(answer.isError());
    JsonNode line = json(answer, false);
    assertTrue(line.path("id").asText().matches("batch_req_[0-9a-f]{32}"), line.toString());
    assertTrue(line.at("/response/request_id").asText().matches("req_[0-9a-f]{32}"));
    assertEquals("r-1", line.path("custom_id").asText());
    assertEquals(200, line.at("/response/status_code").asInt());
    assertTrue(line.get("error").isNull());
    assertEquals(
        new ObjectMapper()
            .readTree(
                """
                {"created": 1700000000,
                 "data": [{"url": "s3a://b/images/one.jpg", "seed": 5},
                          {"url": "s3a://b/images/two.jpg", "seed": 6}],
                 "size": "128x64", "output_format": "jpeg"}
                """),
        line.at("/response/body"));
  }

  @ParameterizedTest
  @CsvSource({
    ", false, false",
    ", true, true",
    "url, true, false",
    "b64_json, false, true",
  })
  void theRequestOrTheOptionDecidesWhetherImagesAreInline(
      String format, boolean option, boolean inline) throws IOException {
    JsonNode image = json(answer(format, FIRST), option).at("/response/body/data/0");
    assertEquals(inline, image.has("b64_json"));
    assertEquals(!inline, image.has("url"));
    if (inline) {
      assertEquals(
          "s3a://b/images/one.jpg",
          new String(
              Base64.getDecoder().decode(image.path("b64_json").asText()), StandardCharsets.UTF_8));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "IMAGE_NOT_FOUND, 400, invalid_request_error, image_not_found",
    "INVALID_ROW, 400, invalid_request_error, invalid_row",
    "MODEL_ERROR, 500, server_error, model_error",
    "OUT_OF_MEMORY, 500, server_error, out_of_memory",
    "PROCESS_CRASH, 500, server_error, process_crash"
  })
  void aFailedRequestSaysWhoseFaultItIs(String errorClass, int status, String type, String code)
      throws IOException {
    BatchAnswer answer = answer(null, failed(errorClass));
    assertTrue(answer.isError());
    JsonNode line = json(answer, true);
    assertEquals(status, line.at("/response/status_code").asInt());
    JsonNode error = line.at("/response/body/error");
    assertEquals("why", error.path("message").asText());
    assertEquals(type, error.path("type").asText());
    assertEquals(code, error.path("code").asText());
    assertTrue(error.get("param").isNull());
  }

  @Test
  void oneFailedImageFailsTheRequest() throws IOException {
    BatchAnswer answer = answer(null, FIRST, failed("MODEL_ERROR"), failed("IMAGE_NOT_FOUND"));
    assertTrue(answer.isError());
    JsonNode error = json(answer, false).at("/response/body/error");
    assertEquals("why (2 of 3 images failed)", error.path("message").asText());
    assertEquals("model_error", error.path("code").asText());
  }

  @Test
  void aLineThatIsNotJsonHasANameButNoCustomId() throws IOException {
    BatchAnswer answer = new BatchAnswer("row-12", null, null, List.of(failed("INVALID_ROW")));
    JsonNode line = json(answer, false);
    assertTrue(line.get("custom_id").isNull());
    assertNotEquals(
        line.path("id"),
        json(new BatchAnswer("row-13", null, null, answer.images()), false).path("id"));
  }
}
