package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.DeviceException;
import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.NotFiniteException;
import io.glmimage.image.RgbImage;
import io.glmimage.kernel.WatchedKernels;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
import io.glmimage.request.Solver;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GlmImagePipelineTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");

  private static GlmImagePipeline pipeline;

  @TempDir private Path temp;

  @BeforeAll
  static void load() {
    pipeline = GlmImagePipeline.load(CheckpointFolder.open(MODEL), Compute.cpu());
  }

  @AfterAll
  static void close() {
    pipeline.close();
  }

  @Test
  void aBatchGivesWhatEveryRowGivesAlone() {
    List<EditRequest> rows =
        new ArrayList<>(
            List.of(
                request(
                    "a", "make the circle red", List.of(noise(128, 128, 1)), null, null, 1.5, 1),
                request("b", "a \"blue\" square next to a 'green' one", List.of(), 96, 160, 1.5, 2),
                request(
                    "c",
                    "make it grayscale",
                    List.of(noise(64, 96, 3), noise(100, 70, 4)),
                    64,
                    64,
                    1.5,
                    3),
                request("d", "", List.of(noise(70, 101, 5)), null, null, 1.0, 4),
                request(
                    "e",
                    "remove the \"circle\" of this very long sentence",
                    List.of(noise(33, 40, 6)),
                    96,
                    64,
                    2,
                    5)));
    List<EditResult> together = pipeline.edit(rows);
    for (int i = 0; i < rows.size(); i++) {
      EditResult alone = pipeline.edit(List.of(rows.get(i))).get(0);
      assertNull(alone.error(), () -> alone.id() + ": " + alone.error());
      assertArrayEquals(alone.image().pixels(), together.get(i).image().pixels(), alone.id());
    }
    Collections.reverse(rows);
    List<EditResult> reversed = pipeline.edit(rows);
    for (int i = 0; i < rows.size(); i++) {
      assertEquals(rows.get(i).id(), reversed.get(i).id());
      assertArrayEquals(
          together.get(rows.size() - 1 - i).image().pixels(),
          reversed.get(i).image().pixels(),
          rows.get(i).id());
    }
  }

  @Test
  void eachResultIsHandedOverBeforeTheNextImageIsBegunAndUnwantedRowsAreLeftOut() {
    List<EditRequest> rows =
        List.of(
            request("a", "make it red", List.of(noise(64, 64, 1)), null, null, 1.5, 1),
            request("b", "make it blue", List.of(noise(64, 64, 2)), null, null, 1.5, 2),
            request("bad", "make it green", List.of(noise(64, 64, 3)), 64, 8192, 1.5, 3),
            request("c", "make it green", List.of(noise(64, 64, 3)), null, null, 1.5, 3));
    List<String> events = new ArrayList<>();
    List<EditResult> results = new ArrayList<>();
    pipeline.edit(
        rows,
        new ResultReceiver() {
          @Override
          public boolean isWanted(int index) {
            events.add("next " + rows.get(index).id());
            return index != 1;
          }

          @Override
          public void edited(int index, EditResult result) {
            events.add((result.ok() ? "done " : "failed ") + rows.get(index).id());
            results.add(result);
          }
        });
    assertEquals(List.of("failed bad", "next a", "done a", "next b", "next c", "done c"), events);
    assertArrayEquals(
        pipeline.edit(List.of(rows.get(3))).get(0).image().pixels(),
        results.get(2).image().pixels(),
        "neither the neighbours nor a row that was left out change an image");
  }

  @Test
  void anotherSeedGivesAnotherImage() {
    RgbImage source = noise(64, 64, 1);
    byte[] first =
        edit(request("x", "make the circle red", List.of(source), null, null, 1.5, 1)).pixels();
    byte[] again =
        edit(request("y", "make the circle red", List.of(source), null, null, 1.5, 1)).pixels();
    byte[] other =
        edit(request("x", "make the circle red", List.of(source), null, null, 1.5, 2)).pixels();
    assertArrayEquals(first, again);
    assertFalse(java.util.Arrays.equals(first, other));
  }

  /** An image that was generated with a seed does not meet its own noise when it is edited. */
  @Test
  void theNoiseOfAnEditDependsOnSeedAndSources() {
    EditRequest drawn = request("t", "a red circle", List.of(), 64, 64, 1.5, 1);
    RgbImage generated = edit(drawn);
    float[] first = noiseOf(drawn);
    float[] again = noiseOf(request("e", "make it blue", List.of(generated), 64, 64, 1.5, 1));
    assertTrue(Math.abs(correlation(first, again)) < 0.15);
    // The same row has the same noise, whatever its prompt and id.
    assertArrayEquals(
        again, noiseOf(request("f", "do nothing", List.of(generated), 64, 64, 1.5, 1)));
    for (EditRequest other :
        List.of(
            request("e", "make it blue", List.of(generated), 64, 64, 1.5, 2),
            request("e", "make it blue", List.of(noise(64, 64, 9)), 64, 64, 1.5, 1),
            request("e", "make it blue", List.of(generated, generated), 64, 64, 1.5, 1))) {
      assertTrue(Math.abs(correlation(again, noiseOf(other))) < 0.15);
    }
    // Text-to-image depends on the seed alone.
    assertArrayEquals(first, noiseOf(request("u", "anything", List.of(), 64, 64, 1.5, 1)));
  }

  private static float[] noiseOf(EditRequest request) {
    return Ops.toFloats(pipeline.prepareLatents(pipeline.prepare(request)));
  }

  private static double correlation(float[] a, float[] b) {
    double sum = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
      squaresA += a[i] * a[i];
      squaresB += b[i] * b[i];
    }
    return sum / Math.sqrt(squaresA * squaresB);
  }

  /**
   * Sizes at which the reference fails: not multiples of 32 or 16, odd, below the minimum, above
   * the maximum.
   */
  @ParameterizedTest
  @CsvSource({
    "80, 80, 80, 80",
    "72, 104, 72, 104",
    "48, 48, 48, 48",
    "31, 17, 31, 17",
    "1, 1, 1, 1",
    "10, 39, 10, 39",
    "97, 131, 97, 131",
    "1100, 300, 128, 32",
    "1040, 1040, 64, 64"
  })
  void sourcesOfAnySizeAreEdited(int height, int width, int outHeight, int outWidth) {
    boolean large = height > 1000;
    EditRequest request =
        new EditRequest(
            "r",
            "make the circle red",
            List.of(noise(height, width, 1)),
            large ? outHeight : null,
            large ? outWidth : null,
            1,
            1.5,
            0);
    RgbImage out = edit(request);
    assertEquals(outHeight, out.height());
    assertEquals(outWidth, out.width());
  }

  @Test
  void badRowsFailAloneWithTheirIdAndTheLimit() {
    RgbImage fine = noise(64, 64, 1);
    List<EditResult> results =
        pipeline.edit(
            List.of(
                request("good-1", "make the circle red", List.of(fine), null, null, 1.5, 1),
                request(
                    "long", "make the circle red", List.of(noise(32, 400, 2)), null, null, 1.5, 1),
                request("huge", "make the circle red", List.of(fine), 100_000, 64, 1.5, 1),
                new EditRequest(
                    "steps", "make the circle red", List.of(fine), null, null, 0, 1.5, 1),
                request(
                    "guidance", "make the circle red", List.of(fine), null, null, Double.NaN, 1),
                request("good-2", "make the circle blue", List.of(fine), null, null, 1.5, 1)));
    assertTrue(results.get(0).ok());
    assertTrue(results.get(5).ok());
    assertMessage(results.get(1), "long", "aspect");
    assertMessage(results.get(2), "huge", "4096");
    assertMessage(results.get(3), "steps", "0 steps");
    assertMessage(results.get(4), "guidance", "NaN");
  }

  @Test
  void aRowThatDoesNotFitIsTriedAgainWithFreedMemoryAndFailsAlone() {
    EditRequest fits = request("fits", "a red circle", List.of(), 64, 64, 1, 1);
    EditRequest large = request("large", "a red circle", List.of(), 128, 128, 1, 1);
    AtomicInteger failuresLeft = new AtomicInteger(2);
    try (GlmImagePipeline small =
        GlmImagePipeline.load(
            CheckpointFolder.open(MODEL),
            Compute.cpu(),
            PriorOptions.defaults(Compute.cpu()),
            WatchedKernels.of(
                "linearGelu",
                arguments -> {
                  // 64 image tokens; the smaller image has 16.
                  if (((Tensor) arguments[0]).size(0) >= 64 && failuresLeft.getAndDecrement() > 0) {
                    throw WatchedKernels.outOfMemory();
                  }
                }))) {
      List<EditResult> results = small.edit(List.of(fits, large, fits));
      assertEquals(0, failuresLeft.get(), "tried again with freed memory");
      assertArrayEquals(edit(fits).pixels(), results.get(0).image().pixels());
      assertArrayEquals(edit(fits).pixels(), results.get(2).image().pixels());
      assertInstanceOf(DeviceMemoryException.class, results.get(1).error());
      String message = results.get(1).error().getMessage();
      assertTrue(
          message.startsWith("Cannot edit request large: not enough memory on cpu"), message);
      assertTrue(message.contains("ask for a smaller size"), message);

      failuresLeft.set(1);
      EditResult second = small.edit(List.of(large)).get(0);
      assertArrayEquals(edit(large).pixels(), second.image().pixels());
    }
  }

  @Test
  void guidanceOfOneRunsTheConditionalPassOnly() {
    RgbImage source = noise(64, 64, 1);
    byte[] one =
        edit(request("x", "make the circle red", List.of(source), null, null, 1.0, 1)).pixels();
    byte[] below =
        edit(request("x", "make the circle red", List.of(source), null, null, 0.0, 1)).pixels();
    assertArrayEquals(one, below);
  }

  private static EditRequest cached(String id, int side, int steps, double stepCache) {
    RgbImage source = noise(side, side, 1);
    return new EditRequest(
        id, "make the circle red", List.of(source), null, null, steps, 1.5, 1, stepCache);
  }

  @Test
  void stepCachingIsOffUnlessAskedForAndStaysClose() {
    byte[] exact =
        edit(new EditRequest(
                "r", "make the circle red", List.of(noise(64, 64, 1)), null, null, 12, 1.5, 1))
            .pixels();
    assertArrayEquals(exact, edit(cached("r", 64, 12, 0)).pixels());
    byte[] some = edit(cached("r", 64, 12, 0.15)).pixels();
    assertFalse(java.util.Arrays.equals(exact, some));
    assertArrayEquals(some, edit(cached("r", 64, 12, 0.15)).pixels(), "the same every time");
    byte[] most = edit(cached("r", 64, 12, 1)).pixels();
    double near = Likeness.decibels(exact, some);
    double far = Likeness.decibels(exact, most);
    assertTrue(near > 30, near + " dB");
    assertTrue(near > far, near + " dB, with the largest threshold " + far);
    // There are no steps between the first and the last.
    assertArrayEquals(edit(cached("r", 64, 2, 0)).pixels(), edit(cached("r", 64, 2, 1)).pixels());
  }

  @Test
  void rowsWithDifferentStepCachesDoNotAffectEachOther() {
    List<EditRequest> rows =
        List.of(
            cached("a", 64, 8, 0.2),
            cached("b", 96, 8, 0),
            cached("c", 96, 6, 1),
            cached("d", 64, 8, 0));
    List<EditResult> together = pipeline.edit(rows);
    for (int i = 0; i < rows.size(); i++) {
      assertArrayEquals(
          edit(rows.get(i)).pixels(), together.get(i).image().pixels(), rows.get(i).id());
    }
    for (double wrong : new double[] {-0.1, 1.1, Double.NaN}) {
      EditResult result = pipeline.edit(List.of(cached("s", 64, 2, wrong))).get(0);
      assertMessage(result, "s", "is not between 0 and 1");
    }
  }

  @Test
  void theSecondOrderIsCloserToManyStepsWithFewerAndDoesNotAffectOthers() {
    Scene scene = new Scene(0, 128);
    List<RgbImage> source = List.of(scene.draw());
    EditRequest many = new EditRequest("m", scene.prompt, source, null, null, 50, 1.5, 0);
    EditRequest few = new EditRequest("f", scene.prompt, source, null, null, 6, 1.5, 0);
    EditRequest second = few.withSolver(Solver.MULTISTEP2);
    List<EditResult> results = pipeline.edit(List.of(second, many, few, second));
    byte[] exact = results.get(1).image().pixels();
    double near = Likeness.decibels(exact, results.get(0).image().pixels());
    double far = Likeness.decibels(exact, results.get(2).image().pixels());
    assertTrue(near > far + 1, near + " dB, with the first order " + far);
    assertArrayEquals(results.get(0).image().pixels(), results.get(3).image().pixels());
    assertArrayEquals(edit(few).pixels(), results.get(2).image().pixels());
    // There is nothing to extrapolate in the first step.
    EditRequest one = new EditRequest("o", scene.prompt, source, null, null, 1, 1.5, 0);
    assertArrayEquals(edit(one).pixels(), edit(one.withSolver(Solver.MULTISTEP2)).pixels());
  }

  @Test
  void theSecondOrderRefusesAStepCache() {
    EditRequest request = cached("s", 64, 8, 0.2).withSolver(Solver.MULTISTEP2);
    assertMessage(
        pipeline.edit(List.of(request)).get(0),
        "s",
        "a step cache of 0.2 cannot be combined with the solver multistep2");
  }

  @Test
  void latentsThatAreNotFiniteFailTheirRowAndNameTheStep() {
    List<RgbImage> source = List.of(noise(64, 64, 1));
    List<EditResult> results =
        pipeline.edit(
            List.of(
                request("at-once", "p", source, null, null, 1e300, 7),
                request("later", "p", source, null, null, 1e25, 7),
                request("right", "p", source, null, null, 1.5, 7)));
    assertInstanceOf(NotFiniteException.class, results.get(0).error());
    assertTrue(
        results
            .get(0)
            .error()
            .getMessage()
            .startsWith(
                "Cannot edit request at-once: the latents are not finite after denoising step 1 of"
                    + " 2 (guidance scale 1.0E300, seed 7); try another seed"),
        results.get(0).error()::getMessage);
    assertTrue(
        results.get(1).error().getMessage().contains(" not finite after denoising step 2 of 2 "),
        results.get(1).error()::getMessage);
    assertNull(results.get(2).error());
  }

  @Test
  void pixelsThatAreNotFiniteAreFound() {
    EditRequest request = request("a", "p", List.of(), 64, 64, 1.5, 7);
    try (TensorScope scope = new TensorScope()) {
      FiniteCheck.checkDecoded(request, Ops.of(new float[] {0, 1}, 1, 2));
      NotFiniteException e =
          assertThrows(
              NotFiniteException.class,
              () -> FiniteCheck.checkDecoded(request, Ops.of(new float[] {0, Float.NaN}, 1, 2)));
      assertTrue(
          e.getMessage().startsWith("Cannot edit request a: the pixels are not finite after dec"),
          e.getMessage());
    }
  }

  @Test
  void noRowsGiveNoResults() {
    assertEquals(List.of(), pipeline.edit(List.of()));
  }

  @Test
  void aMissingGpuIsAnErrorThatSaysSo() {
    assumeFalse(Libtorch.cudaAvailable(), "this machine has a GPU");
    DeviceException e = assertThrows(DeviceException.class, () -> Compute.of("cuda:0"));
    assertTrue(e.getMessage().startsWith("Cannot use cuda:0: "), e.getMessage());
    assertEquals("cpu", Compute.of("auto").device());
    assertThrows(IllegalArgumentException.class, () -> Compute.of("tpu"));
  }

  @Test
  void damagedCheckpointsAreRefusedByFileAndTensor() throws IOException {
    Path truncated = copy("truncated");
    try (RandomAccessFile f =
        new RandomAccessFile(
            truncated.resolve("vae/diffusion_pytorch_model.safetensors").toFile(), "rw")) {
      f.setLength(f.length() - 10);
    }
    assertRefused(truncated, "diffusion_pytorch_model.safetensors", "truncated");

    Path missing = copy("missing");
    Files.delete(missing.resolve("transformer/diffusion_pytorch_model.safetensors"));
    assertRefused(missing, "transformer", "diffusion_pytorch_model.safetensors.index.json");

    Path shape = copy("shape");
    replace(
        shape.resolve("transformer/config.json"),
        "\"num_attention_heads\": 6",
        "\"num_attention_heads\": 5");
    assertRefused(shape, "image_projector.proj.weight", "configuration");

    Path layers = copy("layers");
    replace(layers.resolve("transformer/config.json"), "\"num_layers\": 5", "\"num_layers\": 6");
    assertRefused(layers, "transformer", "has no tensor transformer_blocks.5.");

    Path other = copy("other");
    replace(other.resolve("model_index.json"), "GlmImagePipeline", "FluxPipeline");
    assertRefused(other, "model_index.json", "FluxPipeline");

    assertRefused(temp.resolve("nowhere"), "nowhere", "not a folder");
  }

  private void assertRefused(Path folder, String... words) {
    CheckpointException e =
        assertThrows(
            CheckpointException.class,
            () -> GlmImagePipeline.load(CheckpointFolder.open(folder), Compute.cpu()).close());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage() + " should name " + word);
    }
  }

  private static void replace(Path file, String from, String to) throws IOException {
    String text = Files.readString(file);
    assertTrue(text.contains(from), file.toString());
    Files.writeString(file, text.replace(from, to));
  }

  private Path copy(String name) throws IOException {
    Path target = temp.resolve(name);
    try (Stream<Path> files = Files.walk(MODEL)) {
      for (Path file : files.filter(f -> !f.toString().contains("examples")).toList()) {
        Path to = target.resolve(MODEL.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(to);
        } else {
          Files.copy(file, to);
        }
      }
    }
    return target;
  }

  private static void assertMessage(EditResult result, String id, String word) {
    assertEquals(id, result.id());
    assertInstanceOf(InvalidRequestException.class, result.error());
    assertTrue(result.error().getMessage().contains(id), result.error().getMessage());
    assertTrue(result.error().getMessage().contains(word), result.error().getMessage());
  }

  private static RgbImage edit(EditRequest request) {
    EditResult result = pipeline.edit(List.of(request)).get(0);
    assertNull(result.error(), () -> request.id() + ": " + result.error());
    return result.image();
  }

  private static EditRequest request(
      String id,
      String prompt,
      List<RgbImage> sources,
      Integer height,
      Integer width,
      double guidance,
      long seed) {
    return new EditRequest(id, prompt, sources, height, width, 2, guidance, seed);
  }

  private static RgbImage noise(int height, int width, long seed) {
    byte[] pixels = new byte[height * width * 3];
    new java.util.Random(seed).nextBytes(pixels);
    return new RgbImage(height, width, pixels);
  }
}
