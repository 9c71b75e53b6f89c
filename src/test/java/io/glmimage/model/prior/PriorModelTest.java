package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.kernel.AtenKernels;
import io.glmimage.kernel.Rows;
import io.glmimage.kernel.WatchedKernels;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class PriorModelTest {
  private static GoldenCase processor;
  private static PriorModel model;

  @BeforeAll
  static void load() {
    processor = Goldens.cases("01_processor").get(0);
    model = PriorModel.load(processor.checkpoint(), Compute.cpu(), new AtenKernels());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /**
   * Edits with different numbers of sources, grids and prompt lengths, and one text-to-image row.
   */
  private static List<PriorPrompt> prompts() {
    List<PriorPrompt> out = new ArrayList<>();
    boolean textToImage = false;
    for (String sub : processor.subCases()) {
      PriorFixture fixture = new PriorFixture(processor, sub);
      for (PriorFixture.Row row : fixture.rows()) {
        if (row.sources() == 0 && textToImage) {
          continue;
        }
        textToImage |= row.sources() == 0;
        try (TensorScope scope = new TensorScope()) {
          out.add(row.prompt(fixture.sourceTokens(model, row), 1000 + out.size()));
        }
      }
    }
    return out;
  }

  private static PriorPrompt edit() {
    return prompts().stream().filter(p -> !p.sourceGrids().isEmpty()).findFirst().orElseThrow();
  }

  @Test
  void aRowsIdsDependOnlyOnItsPromptAndSeed() {
    List<PriorPrompt> prompts = prompts();
    assertTrue(prompts.stream().map(PriorPrompt::sourceGrids).distinct().count() > 3);
    assertTrue(prompts.stream().map(PriorPrompt::decodeGrids).distinct().count() > 3);
    List<int[]> alone = prompts.stream().map(p -> model.generate(List.of(p)).get(0)).toList();
    Random random = new Random(1);
    for (int round = 0; round < 3; round++) {
      List<Integer> order = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        order.add(i);
      }
      Collections.shuffle(order, random);
      List<Integer> batch = order.subList(0, 2 + random.nextInt(prompts.size() - 2));
      List<int[]> together = model.generate(batch.stream().map(prompts::get).toList());
      for (int i = 0; i < batch.size(); i++) {
        assertArrayEquals(alone.get(batch.get(i)), together.get(i));
      }
    }
  }

  @Test
  void theSeedDecidesTheIds() {
    PriorPrompt first = edit();
    PriorPrompt second =
        new PriorPrompt(
            first.inputIds(),
            first.sourceTokens(),
            first.sourceGrids(),
            first.decodeGrids(),
            first.seed() + 1);
    List<int[]> out = model.generate(List.of(first, second, first));
    assertArrayEquals(out.get(0), out.get(2));
    assertFalse(Arrays.equals(out.get(0), out.get(1)));
  }

  @Test
  void givesAnIdOfTheCodebookForEveryTokenOfTheLastGrid() {
    List<PriorPrompt> prompts = prompts();
    List<int[]> out = model.generate(prompts);
    for (int i = 0; i < out.size(); i++) {
      assertEquals(prompts.get(i).resultTokens(), out.get(i).length);
      for (int id : out.get(i)) {
        assertTrue(id >= 0 && id < model.codebookSize());
      }
    }
  }

  @Test
  void fewerRowsAreDecodedAtATimeWhenMemoryIsShort() {
    List<PriorPrompt> prompts = prompts().subList(0, 3);
    List<Long> sizes = new ArrayList<>();
    AtomicLong outside = new AtomicLong(50L << 30);
    try (PriorModel small =
        PriorModel.load(
            processor.checkpoint(),
            Compute.cpu(),
            WatchedKernels.of(
                "tokenSampling",
                arguments -> {
                  long rows = ((Tensor) arguments[0]).size(0);
                  sizes.add(rows);
                  if (rows > 1 && rows * sizes.size() > 20) {
                    throw WatchedKernels.outOfMemory();
                  }
                }),
            PriorOptions.defaults(Compute.cpu()).withSlots(4),
            outside::get)) {
      List<int[]> out = small.generate(prompts);
      assertTrue(sizes.contains(4L) && sizes.contains(2L), sizes.toString());
      for (int i = 0; i < out.size(); i++) {
        assertArrayEquals(model.generate(List.of(prompts.get(i))).get(0), out.get(i));
      }
      // Later calls start with one row, until others give back memory.
      sizes.clear();
      small.generate(prompts);
      assertEquals(List.of(1L), sizes.stream().distinct().toList());
      sizes.clear();
      outside.set(0);
      small.generate(prompts.subList(0, 2));
      assertTrue(sizes.contains(4L), sizes.toString());
    }
  }

  @Test
  void slotsAreAddedWhenMoreRowsWait() {
    Set<Long> sizes = new TreeSet<>();
    try (PriorModel wide =
        PriorModel.load(
            processor.checkpoint(),
            Compute.cpu(),
            WatchedKernels.of(
                "tokenSampling", arguments -> sizes.add(((Tensor) arguments[0]).size(0))),
            PriorOptions.defaults(Compute.cpu()).withSlots(PriorOptions.GPU_SLOTS))) {
      List<PriorPrompt> prompts = Collections.nCopies(PriorOptions.GPU_ROWS + 1, prompts().get(0));
      int[] few = wide.generate(prompts.subList(0, 2)).get(1);
      // A prompt's first token is drawn alone.
      assertEquals(Set.of(1L, (long) PriorOptions.GPU_ROWS), Set.copyOf(sizes));
      sizes.clear();
      List<int[]> many = wide.generate(prompts);
      assertEquals(Set.of(1L, (long) PriorOptions.GPU_SLOTS), Set.copyOf(sizes));
      assertArrayEquals(few, many.get(1));
      sizes.clear();
      wide.generate(prompts.subList(0, 1));
      assertEquals(Set.of(1L, (long) PriorOptions.GPU_SLOTS), Set.copyOf(sizes));
    }
  }

  @Test
  void everyStepMultipliesTheWholeBatchHoweverManyRowsWait() {
    // On a GPU the form of an fp8 product depends on its number of rows.
    List<Long> rows = new ArrayList<>();
    int batch = 5;
    try (PriorModel fp8 =
        PriorModel.load(
            processor.checkpoint(),
            Compute.cpu().withPrecision(Precision.FP8),
            WatchedKernels.of(
                "fp8Linear", arguments -> rows.add(((Rows) arguments[0]).values().size(0))),
            PriorOptions.defaults(Compute.cpu()).withSlots(batch))) {
      // Few tokens, so that the test is short.
      List<PriorPrompt> prompts =
          prompts().stream()
              .sorted(Comparator.comparingInt(PriorPrompt::newTokens))
              .limit(2)
              .toList();
      for (int limit : new int[] {batch, 1}) {
        fp8.limitRows(limit);
        rows.clear();
        fp8.generate(prompts);
        // A prompt runs alone, and its last token goes through the end of the last layer alone.
        Set<Long> expected = new TreeSet<>(Set.of((long) batch, 1L));
        prompts.forEach(prompt -> expected.add((long) prompt.inputIds().length));
        assertEquals(expected, new TreeSet<>(rows));
      }
    }
  }

  @Test
  void aRowThatDoesNotFitFailsAndTheModelStaysUsable() {
    AtomicBoolean full = new AtomicBoolean(true);
    AtomicInteger calls = new AtomicInteger();
    try (PriorModel small =
        PriorModel.load(
            processor.checkpoint(),
            Compute.cpu(),
            WatchedKernels.of(
                "tokenSampling",
                arguments -> {
                  if (full.get() && calls.incrementAndGet() % 7 == 0) {
                    throw WatchedKernels.outOfMemory();
                  }
                }))) {
      PriorPrompt prompt = edit();
      assertTrue(
          assertThrows(RuntimeException.class, () -> small.generate(List.of(prompt)))
              .getMessage()
              .startsWith("CUDA out of memory"));
      full.set(false);
      assertArrayEquals(
          model.generate(List.of(prompt)).get(0), small.generate(List.of(prompt)).get(0));
    }
  }

  @Test
  void noRowsGiveNoResults() {
    assertTrue(model.generate(List.of()).isEmpty());
  }

  @Test
  void saysWhatIsWrongWithAPrompt() {
    PriorPrompt good = edit();
    model.check(good);
    PriorPrompt noGrid =
        new PriorPrompt(good.inputIds(), good.sourceTokens(), good.sourceGrids(), List.of(), 0);
    assertEquals(
        "Cannot generate an image: its token grid is empty",
        assertThrows(InvalidRequestException.class, () -> model.check(noGrid)).getMessage());
    PriorPrompt noIds =
        new PriorPrompt(good.inputIds(), List.of(), good.sourceGrids(), good.decodeGrids(), 0);
    assertTrue(
        assertThrows(InvalidRequestException.class, () -> model.generate(List.of(noIds)))
            .getMessage()
            .startsWith("Cannot read the prompt: 0 source image(s) have ids, "));
    int[] foreign = good.inputIds().clone();
    foreign[foreign.length - 1] = Integer.MAX_VALUE;
    PriorPrompt outside =
        new PriorPrompt(foreign, good.sourceTokens(), good.sourceGrids(), good.decodeGrids(), 0);
    assertTrue(
        assertThrows(InvalidRequestException.class, () -> model.check(outside))
            .getMessage()
            .contains("is outside the vocabulary"));
  }

  @Test
  void anEmptySourceHasNoTokensAndAWrongShapeIsAnError() {
    try (TensorScope scope = new TensorScope()) {
      int values = model.patchValues();
      assertEquals(0, model.sourceTokens(Ops.of(new float[0], 0, values), new Grid(0, 4)).length);
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> model.sourceTokens(Ops.of(new float[values], 1, values), new Grid(1, 2)));
      assertTrue(e.getMessage().startsWith("Cannot read a source image: its patches have shape"));
    }
  }

  @Test
  void nativeMemoryStaysFlat() throws IOException {
    PriorPrompt prompt =
        prompts().stream()
            .filter(p -> !p.sourceGrids().isEmpty())
            .min((a, b) -> Integer.compare(a.newTokens(), b.newTokens()))
            .orElseThrow();
    for (int i = 0; i < 40; i++) {
      model.generate(List.of(prompt));
    }
    long before = residentKilobytes();
    for (int i = 0; i < 200; i++) {
      model.generate(List.of(prompt));
    }
    long grown = residentKilobytes() - before;
    // Activations of the prompts, kept by mistake, would take about 40 MB. Java's heap may still
    // grow a little.
    assertTrue(grown < 32 * 1024, grown + " kB more resident after 200 generations");
  }

  private static long residentKilobytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    assumeTrue(Files.exists(status), "resident memory is read from /proc");
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow();
  }
}
