package io.glmimage.model.prior;

import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Kernels;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * Measures the prior alone, by the size of its chunks and the number of rows: seconds per row of
 * the source images' tokens and of the prompts, and milliseconds per decoding step. Each row has
 * one source image of SIDE x SIDE patches and a text of 40 tokens. Chunk 0 computes each prompt and
 * each source image alone.
 *
 * <p>Then rows of different lengths are decoded together, in another order and alone. All of their
 * ids have to be equal, with weights of the real sizes too.
 *
 * <pre>
 * {@code java -cp CLASSES:JARS io.glmimage.model.prior.PrefillBenchmark GEOMETRY DEVICE PRECISION
 * SIDE CHUNK,CHUNK... ROWS,ROWS... STEPS}</pre>
 *
 * <p>STEPS is at least 2.
 */
final class PrefillBenchmark {
  private static final int TEXT_TOKENS = 40;
  private static final int COMPARED_TOKENS = 48;
  private static final int REPEATS = 3;

  private final PriorModel model;
  private final int firstText;

  private PrefillBenchmark(PriorModel model, int firstText) {
    this.model = model;
    this.firstText = firstText;
  }

  public static void main(String[] arguments) {
    Path geometry = Path.of(arguments[0]);
    Compute compute = Compute.of(arguments[1]).withPrecision(Precision.parse(arguments[2]));
    int side = Integer.parseInt(arguments[3]);
    int[] chunks = numbers(arguments[4]);
    int[] counts = numbers(arguments[5]);
    int steps = Integer.parseInt(arguments[6]);
    boolean equal = true;
    for (int chunk : chunks) {
      // The weights are random, but the same in each model.
      CheckpointFolder folder = CheckpointFolder.openWithRandomWeights(geometry);
      ConfigFile text = folder.config("vision_language_encoder/config.json").object("text_config");
      PriorOptions options =
          PriorOptions.defaults(compute)
              .withSlots(Arrays.stream(counts).max().orElseThrow())
              .withChunk(chunk);
      try (PriorModel model = PriorModel.load(folder, compute, kernels(compute), options)) {
        PrefillBenchmark benchmark = new PrefillBenchmark(model, text.size("vision_vocab_size"));
        for (int count : counts) {
          benchmark.measure(chunk, new Grid(side, side), count, steps);
        }
        if (chunk > 0) {
          equal &= benchmark.neighbours(chunk, side);
        }
      }
    }
    System.exit(equal ? 0 : 1);
  }

  private static KernelProvider kernels(Compute compute) {
    return Kernels.provider(
        compute.isCuda() ? KernelMode.FUSED : KernelMode.NATIVE,
        compute,
        Path.of(System.getProperty("java.io.tmpdir"), "kernels"));
  }

  private static int[] numbers(String list) {
    return Arrays.stream(list.split(",", -1)).mapToInt(Integer::parseInt).toArray();
  }

  private void measure(int chunk, Grid grid, int count, int steps) {
    List<PriorSource> sources = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      sources.add(source(grid, i));
    }
    List<PriorPrompt> prompts = prompts(sources, new Grid(1, steps + 1));
    double[] tower = new double[REPEATS];
    double[] prompt = new double[REPEATS];
    double[] step = new double[REPEATS];
    // The first run is not counted.
    for (int i = -1; i < REPEATS; i++) {
      long start = now();
      model.sourceTokens(sources);
      long generated = now();
      int[] done = {0};
      long[] first = {0};
      model.generate(
          prompts,
          () -> {
            if (++done[0] == 1) {
              first[0] = now();
            }
          });
      if (i >= 0) {
        tower[i] = (generated - start) / 1e9 / count;
        step[i] = (now() - first[0]) / 1e9 / (steps - 1);
        prompt[i] = ((first[0] - generated) / 1e9 - step[i]) / count;
      }
    }
    System.out.printf(
        "chunk %5d, %3d row(s): source image %.4f s a row, prompt %.4f s a row, both %.4f s a row;"
            + " decoding step %.2f ms%n",
        chunk,
        count,
        median(tower),
        median(prompt),
        median(tower) + median(prompt),
        1000 * median(step));
  }

  /** Whether ids are the same together, in another order and alone. */
  private boolean neighbours(int chunk, int side) {
    Random random = new Random(3);
    List<PriorSource> sources = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      Grid grid = new Grid(side - random.nextInt(side / 2), side - random.nextInt(side / 2));
      sources.add(source(grid, 100 + i));
    }
    List<int[]> tokens = model.sourceTokens(sources);
    List<PriorPrompt> prompts = prompts(sources, new Grid(1, COMPARED_TOKENS));
    List<int[]> expected = model.generate(prompts);
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      order.add(i);
    }
    Collections.shuffle(order, random);
    List<int[]> tokensShuffled = model.sourceTokens(order.stream().map(sources::get).toList());
    List<int[]> shuffled = model.generate(order.stream().map(prompts::get).toList());
    int different = 0;
    for (int i = 0; i < sources.size(); i++) {
      int row = order.get(i);
      int[] alone = model.sourceTokens(List.of(sources.get(row))).get(0);
      int[] ids = model.generate(List.of(prompts.get(row))).get(0);
      different += Arrays.equals(tokens.get(row), tokensShuffled.get(i)) ? 0 : 1;
      different += Arrays.equals(tokens.get(row), alone) ? 0 : 1;
      different += Arrays.equals(expected.get(row), shuffled.get(i)) ? 0 : 1;
      different += Arrays.equals(expected.get(row), ids) ? 0 : 1;
    }
    System.out.printf(
        "chunk %5d, neighbours: %d of %d results differ (%d different prompts, for example %s)%n",
        chunk,
        different,
        4 * sources.size(),
        expected.stream().map(Arrays::toString).distinct().count(),
        Arrays.stream(expected.get(0))
            .limit(6)
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(" ")));
    return different == 0;
  }

  private PriorSource source(Grid grid, long seed) {
    Random random = new Random(seed);
    float[] patches = new float[grid.size() * model.patchValues()];
    for (int i = 0; i < patches.length; i++) {
      patches[i] = (float) random.nextGaussian();
    }
    return new PriorSource(grid, patches);
  }

  private List<PriorPrompt> prompts(List<PriorSource> sources, Grid target) {
    List<int[]> tokens = model.sourceTokens(sources);
    List<PriorPrompt> prompts = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      Grid grid = sources.get(i).grid();
      int[] ids = new int[grid.size() + 3 + TEXT_TOKENS];
      Arrays.fill(ids, model.imageTokenId());
      ids[0] = model.imageStartId();
      ids[grid.size() + 1] = model.imageEndId();
      for (int t = 0; t < TEXT_TOKENS; t++) {
        ids[grid.size() + 2 + t] = firstText + 1 + (31 * i + t) % 200;
      }
      ids[ids.length - 1] = model.imageStartId();
      prompts.add(
          new PriorPrompt(ids, List.of(tokens.get(i)), List.of(grid), List.of(target), 1000 + i));
    }
    return prompts;
  }

  private static long now() {
    Libtorch.synchronize();
    return System.nanoTime();
  }

  private static double median(double[] times) {
    Arrays.sort(times);
    return times[times.length / 2];
  }
}
