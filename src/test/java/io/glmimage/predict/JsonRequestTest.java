package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowIds;
import io.glmimage.manifest.RowReader;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.Solver;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("djl")
class JsonRequestTest {
  private static final RgbImage IMAGE = new RgbImage(1, 2, new byte[] {9, 8, 7, 6, 5, 4});
  private static final String BASE64 = Base64.getEncoder().encodeToString(ImageEncoder.png(IMAGE));

  private static EditRequest parse(String json) {
    return JsonRequest.parse(json.replace('\'', '"').getBytes(StandardCharsets.UTF_8), "1 of 1");
  }

  @Test
  void readsEveryField() {
    EditRequest request =
        parse(
            "{'id': 'r-9', 'prompt': 'x', 'image': ['"
                + BASE64
                + "', 'data:image/png;base64,"
                + BASE64
                + "'], 'height': 96, 'width': 64, 'num_inference_steps': 3,"
                + " 'guidance_scale': 2, 'seed': -5, 'step_cache': 0.1, 'solver': 'euler'}");
    assertEquals("r-9", request.id());
    assertEquals("x", request.prompt());
    assertEquals(2, request.sources().size());
    assertArrayEquals(IMAGE.pixels(), request.sources().get(0).pixels());
    assertArrayEquals(IMAGE.pixels(), request.sources().get(1).pixels());
    assertEquals(List.of(96, 64), List.of(request.height(), request.width()));
    assertEquals(3, request.steps());
    assertEquals(2.0, request.guidanceScale());
    assertEquals(-5, request.seed());
    assertEquals(0.1, request.stepCache());
    assertEquals(Solver.EULER, request.solver());
    assertEquals(Solver.MULTISTEP2, parse("{'prompt': 'x', 'solver': 'multistep2'}").solver());
  }

  @Test
  void readsMasksAndRulesOfColour() {
    String white = Base64.getEncoder().encodeToString(ImageEncoder.png(mask(2, 255)));
    String black = Base64.getEncoder().encodeToString(ImageEncoder.png(mask(2, 0)));
    String wide = Base64.getEncoder().encodeToString(ImageEncoder.png(mask(3, 255)));
    String start = "{'prompt': 'x', 'colour': 'ignore', 'transparency': 'white', 'image': '";
    EditRequest request =
        parse(start + BASE64 + "', 'mask': 'data:image/png;base64," + white + "'}");
    assertArrayEquals(new boolean[] {true, true}, request.mask().edited());
    assertNull(parse(start + BASE64 + "', 'mask': null}").mask());
    assertInvalid("it is 3 x 1 pixels, but the first source image is 2 x 1", start, wide);
    assertInvalid("it is empty", start, black);
    assertInvalid("mask is not base64", start, "*");
    for (String json :
        List.of("{'prompt': 'x', 'mask': '" + white + "'}", "{'prompt': 'x', 'colour': 3}")) {
      assertThrows(InvalidRequestException.class, () -> parse(json));
    }
    assertEquals(
        "Cannot edit request 1 of 1: invalid transparency: pink, expected drop, white, black, grey"
            + " or a colour such as #ff8000",
        assertThrows(
                InvalidRequestException.class,
                () -> parse("{'prompt': 'x', 'transparency': 'pink'}"))
            .getMessage());
  }

  private static void assertInvalid(String why, String start, String mask) {
    InvalidRequestException e =
        assertThrows(
            InvalidRequestException.class,
            () -> parse(start + BASE64 + "', 'mask': '" + mask + "'}"));
    assertTrue(e.getMessage().startsWith("Cannot edit request 1 of 1: "), e.getMessage());
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private static RgbImage mask(int width, int value) {
    byte[] pixels = new byte[3 * width];
    Arrays.fill(pixels, (byte) value);
    return new RgbImage(1, width, pixels);
  }

  @Test
  void aPromptIsEnough() {
    EditRequest request = parse("{'prompt': 'a circle', 'image': null}");
    assertEquals("1 of 1", request.id());
    assertEquals(List.of(), request.sources());
    assertNull(request.height());
    assertEquals(EditRequest.DEFAULT_STEPS, request.steps());
    assertEquals(EditRequest.DEFAULT_GUIDANCE_SCALE, request.guidanceScale());
    assertEquals(0, request.stepCache());
    assertEquals(Solver.EULER, request.solver());
  }

  @Test
  void withoutASeedTheIdDecides() {
    long seed = parse("{'id': 'r-9', 'prompt': 'x', 'image': '" + BASE64 + "'}").seed();
    assertEquals(RowIds.seed(0, "r-9"), seed);
    assertEquals(seed, parse("{'id': 'r-9', 'prompt': 'another'}").seed());
    assertEquals(RowIds.seed(0, "7"), parse("{'id': 7, 'prompt': 'x'}").seed());
  }

  @Test
  void withoutASeedAndAnIdTheContentDecides() {
    long seed = parse("{'prompt': 'x', 'image': '" + BASE64 + "'}").seed();
    assertEquals(ContentSeed.of(0, "x", List.of(IMAGE)), seed);
    assertEquals(
        seed,
        parse("{'id': ' ', 'image': ['" + BASE64 + "'], 'prompt': 'x'}").seed(),
        "a blank id is none, and the form does not matter");
    assertNotEquals(seed, parse("{'prompt': 'y', 'image': '" + BASE64 + "'}").seed());
    assertNotEquals(seed, parse("{'prompt': 'x'}").seed());
    assertNotEquals(ContentSeed.of(1, "x", List.of(IMAGE)), ContentSeed.of(0, "x", List.of(IMAGE)));
  }

  @Test
  void textToImageGetsTheSeedOfTheSameManifestRow() {
    EditDefaults defaults =
        new EditDefaults(
            0,
            EditRequest.DEFAULT_STEPS,
            EditRequest.DEFAULT_GUIDANCE_SCALE,
            null,
            null,
            EditDefaults.DEFAULT_MAX_PIXELS);
    RowReader reader = new RowReader(defaults, "/folder");
    FieldValues row =
        FieldValues.of(
            Map.of(
                ManifestField.PROMPT,
                "x",
                ManifestField.HEIGHT,
                64,
                ManifestField.GUIDANCE_SCALE,
                2.0));
    ManifestRow read = (ManifestRow) reader.read(0, reader.key(row), row);
    assertEquals(
        read.settings().seed(), parse("{'prompt': 'x', 'height': 64, 'guidance_scale': 2}").seed());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[] | expected a JSON object",
        "{'prompt': 'x'} {} | it is not JSON",
        "{'prompt': 'x', 'prompt': 'y'} | it is not JSON",
        "{} | prompt must be a string",
        "{'prompt': 1} | prompt must be a string",
        "{'prompt': 'x', 'stepz': 1} | unknown field stepz; there are colour, exact_size, guidance_scale",
        "{'prompt': 'x', 'exact_size': 'no'} | exact_size must be true or false",
        "{'prompt': 'x', 'large_sources': 'crop'} | large_sources must be one of fit, fail, upscale",
        "{'prompt': 'x', 'height': 0} | height must be a whole number from 1",
        "{'prompt': 'x', 'width': 64.5} | width must be a whole number",
        "{'prompt': 'x', 'num_inference_steps': '4'} | num_inference_steps must be a whole number",
        "{'prompt': 'x', 'seed': 99999999999999999999} | seed must be a whole number",
        "{'prompt': 'x', 'guidance_scale': 'big'} | guidance_scale must be a number",
        "{'prompt': 'x', 'step_cache': true} | step_cache must be a number",
        "{'prompt': 'x', 'solver': 'heun'} | solver must be one of euler, multistep2",
        "{'prompt': 'x', 'solver': 2} | solver must be one of euler, multistep2",
        "{'prompt': 'x', 'image': 1} | image must be a string",
        "{'prompt': 'x', 'image': ['!']} | image 1 is not base64",
        "{'prompt': 'x', 'image': 'https://a/b.png'} | image is an address",
        "{'prompt': 'x', 'image': 'data:image/png,abc'} | image cannot be decoded: it does not say base64",
        "{'prompt': 'x', 'image': 'AAAA'} | Cannot read image image of request 1 of 1"
      })
  void saysWhatIsWrong(String json, String message) {
    InvalidRequestException e = assertThrows(InvalidRequestException.class, () -> parse(json));
    assertTrue(e.getMessage().contains(message), e.getMessage());
    assertTrue(e.getMessage().contains("1 of 1"), e.getMessage());
  }
}
