package io.glmimage.model.dit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.NormTolerance;
import io.glmimage.golden.Tolerance;
import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The network against the reference, call by call and row by row. A call is recognised by its
 * inputs {@code CALL/in/*}. Calls {@code GROUP/write_SAMPLE_SOURCE} fill a cache; {@code
 * GROUP/read*} see it and {@code GROUP/skip*} do not.
 */
@Tag("parity")
class TransformerParityTest {
  private static final Pattern WRITE = Pattern.compile("write_(\\d+)_(\\d+)");
  private static final Pattern CACHED = Pattern.compile("([kv])_(\\d+)_(\\d+)");
  private static final Pattern ROPE = Pattern.compile(".*_(\\d+)x(\\d+)");
  private static final Tolerance ROTARY = new Tolerance(1e-5, 1e-6);

  /** Relative error of the predicted noise in bfloat16. */
  private static final double BFLOAT16 = 0.02;

  /**
   * Relative error of the predicted noise with linear layers in 8 bits. It depends on the random
   * weights: 3.3 % to 4.3 % with the bundled checkpoints, 6.2 % with another one.
   */
  private static final double FP8 = 0.08;

  private static final Tolerance SINUSOID = new Tolerance(1e-4, 1e-6);

  static List<GoldenCase> cases() {
    return Goldens.cases("07_transformer");
  }

  private static GlmImageTransformer load(GoldenCase golden) {
    return GlmImageTransformer.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels());
  }

  /** Everything before the last slash of every tensor that ends in {@code suffix}. */
  private static List<String> prefixes(GoldenCase golden, String suffix) {
    return golden.tensorNames().stream()
        .filter(name -> name.endsWith(suffix))
        .map(name -> name.substring(0, name.length() - suffix.length()))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void timeAndSizeEmbeddingsMatchTheReference(GoldenCase golden) {
    List<String> calls = prefixes(golden, "/time_proj");
    Goldens.require(!calls.isEmpty(), "call with time_proj in " + golden);
    try (TensorScope scope = new TensorScope();
        GlmImageTransformer network = load(golden)) {
      for (String call : calls) {
        float[] timesteps = golden.floats(call + "/in/timestep");
        for (int row = 0; row < timesteps.length; row++) {
          Inputs in = new Inputs(golden, call, row, timesteps.length);
          compare(
              SINUSOID,
              golden,
              call + "/time_proj",
              row,
              timesteps.length,
              Ops.toFloats(network.weights().condition().timeSinusoid(new double[] {in.timestep})));
          compare(
              SINUSOID,
              golden,
              call + "/condition_proj",
              row,
              timesteps.length,
              Ops.toFloats(
                  network
                      .weights()
                      .condition()
                      .sizeSinusoid(in.height, in.width, in.top, in.left)));
          try (Modulation modulation = in.modulation(network)) {
            compare(
                golden.tolerance(),
                golden,
                call + "/out",
                row,
                timesteps.length,
                Ops.toFloats(modulation.embedding()));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void rotaryTablesMatchTheReference(GoldenCase golden) {
    List<String> calls = prefixes(golden, "/cos");
    Goldens.require(!calls.isEmpty(), "call with cos in " + golden);
    for (String call : calls) {
      Matcher size = ROPE.matcher(call);
      assertTrue(size.matches(), call);
      int height = Integer.parseInt(size.group(1));
      int width = Integer.parseInt(size.group(2));
      long[] shape = golden.shape(call + "/cos");
      int pixels = (int) Math.round(Math.sqrt((double) height * width / shape[0]));
      try (TensorScope scope = new TensorScope()) {
        RotaryTable table =
            RotaryTable.of(new Grid(height / pixels, width / pixels), (int) shape[1]);
        ROTARY.check(golden, call + "/cos", Ops.cat(1, table.cos(), table.cos()));
        ROTARY.check(golden, call + "/sin", Ops.cat(1, table.sin(), table.sin()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void forwardPassesMatchTheReference(GoldenCase golden) {
    List<String> calls = prefixes(golden, "/in/hidden_states");
    Goldens.require(!calls.isEmpty(), "call with hidden_states in " + golden);
    try (TensorScope scope = new TensorScope();
        GlmImageTransformer network = load(golden)) {
      for (String call : calls) {
        int batch = (int) golden.shape(call + "/in/hidden_states")[0];
        for (int row = 0; row < batch; row++) {
          try (TensorScope rowScope = new TensorScope()) {
            forward(network, golden, call, row, batch);
          }
        }
      }
    }
  }

  private static void forward(
      GlmImageTransformer network, GoldenCase golden, String call, int row, int batch) {
    Map<String, float[]> actual = actual(network, golden, call, row, batch);
    for (String tensor : golden.tensorNames()) {
      if (!tensor.startsWith(call + "/") || tensor.startsWith(call + "/in/")) {
        continue;
      }
      float[] value = actual.get(tensor.substring(call.length() + 1));
      assertNotNull(value, () -> "nothing to compare with " + tensor);
      compare(golden.tolerance(), golden, tensor, row, batch, value);
    }
  }

  /** The outputs of one row of a call, by the names of the fixtures. */
  private static Map<String, float[]> actual(
      GlmImageTransformer network, GoldenCase golden, String call, int row, int batch) {
    Inputs in = new Inputs(golden, call, row, batch);
    String group = group(call);
    String name = call.substring(call.lastIndexOf('/') + 1);
    SourceCache cache = null;
    try (Modulation modulation = in.modulation(network);
        DitSequence sequence = network.prepare(in.text(network), in.priorIds)) {
      Grid grid = in.grid(network);
      if (name.startsWith("read")) {
        int samples = samples(golden, group).size();
        assertEquals(0, batch % samples, call);
        cache =
            fill(
                network,
                golden,
                group,
                row / (batch / samples),
                sequence.textTokens() + grid.size());
      }
      try (Denoiser denoiser =
          network.denoiser(
              grid,
              new DenoisingSteps(modulation, new float[] {1, 0}),
              Guidance.none(sequence),
              cache)) {
        Map<String, float[]> actual = new LinkedHashMap<>();
        denoiser.observe((what, value) -> record(actual, what, value, sequence.textTokens(), grid));
        Tensor noise = denoiser.predictNoise(in.latents(), 0).get(0);
        actual.put("out", Ops.toFloats(noise));
        actual.put("glyph_projector", Ops.toFloats(sequence.text()));
        actual.put(
            "prior_projector",
            Ops.toFloats(sequence.prior().expand(grid.size(), sequence.prior().size(1))));
        actual.put("temb", Ops.toFloats(modulation.embedding()));
        return actual;
      }
    } finally {
      if (cache != null) {
        cache.close();
      }
    }
  }

  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("cases")
  void bfloat16StaysWithinItsRounding(GoldenCase golden) {
    inexact(golden, Goldens.bfloat16(), new NormTolerance("bfloat16", BFLOAT16));
  }

  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("cases")
  void fp8StaysWithinItsRounding(GoldenCase golden) {
    inexact(golden, Goldens.fp8(), new NormTolerance("fp8", FP8));
  }

  private static void inexact(GoldenCase golden, Compute compute, NormTolerance tolerance) {
    int seen = 0;
    try (TensorScope scope = new TensorScope();
        GlmImageTransformer network =
            GlmImageTransformer.load(golden.checkpoint(), compute, Goldens.kernels(compute))) {
      for (String call : prefixes(golden, "/in/hidden_states")) {
        if (!golden.has(call + "/out")) {
          continue;
        }
        int batch = (int) golden.shape(call + "/in/hidden_states")[0];
        for (int row = 0; row < batch; row++) {
          try (TensorScope rowScope = new TensorScope()) {
            float[] all = golden.floats(call + "/out");
            int size = all.length / batch;
            tolerance.check(
                golden.name(),
                call + "/out[" + row + "]",
                Arrays.copyOfRange(all, row * size, (row + 1) * size),
                actual(network, golden, call, row, batch).get("out"));
            seen++;
          }
        }
      }
    }
    assertTrue(seen > 0, "no comparison made");
  }

  /** Splits packed rows into text and image as the fixtures name them. */
  private static void record(
      Map<String, float[]> actual, String what, Tensor value, int textTokens, Grid grid) {
    if (value.size(0) == grid.size()) {
      actual.put(what, Ops.toFloats(value));
      actual.put(what + ".hidden", Ops.toFloats(value));
      return;
    }
    assertEquals(textTokens + grid.size(), value.size(0), what);
    float[] image = Ops.toFloats(value.narrow(0, textTokens, grid.size()));
    actual.put(what, image);
    actual.put(what + ".hidden", image);
    actual.put(what + ".text", Ops.toFloats(value.narrow(0, 0, textTokens)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void cacheContentsMatchTheReference(GoldenCase golden) {
    TreeSet<String> groups =
        golden.tensorNames().stream()
            .filter(t -> CACHED.matcher(t.substring(t.lastIndexOf('/') + 1)).matches())
            .map(TransformerParityTest::group)
            .collect(Collectors.toCollection(TreeSet::new));
    Goldens.require(!groups.isEmpty(), "cache contents in " + golden);
    try (TensorScope scope = new TensorScope();
        GlmImageTransformer network = load(golden)) {
      for (String group : groups) {
        for (int sample : samples(golden, group).keySet()) {
          // Writing the sources must not touch the room behind them.
          try (SourceCache cache = fill(network, golden, group, sample, 3)) {
            for (String tensor : golden.tensorNames()) {
              Matcher cached = CACHED.matcher(tensor.substring(tensor.lastIndexOf('/') + 1));
              if (group(tensor).equals(group)
                  && cached.matches()
                  && Integer.parseInt(cached.group(3)) == sample) {
                KeyValueRows rows =
                    cache.rows(Integer.parseInt(cached.group(2)), 0, cache.sourceTokens());
                golden
                    .tolerance()
                    .check(
                        golden,
                        tensor,
                        (cached.group(1).equals("k") ? rows.key() : rows.value()).unsqueeze(0));
              }
            }
          }
        }
      }
    }
  }

  private static String group(String name) {
    int slash = name.lastIndexOf('/');
    return slash < 0 ? "" : name.substring(0, slash);
  }

  /** The calls that write the samples of a group, in the order of their sources. */
  private static Map<Integer, Map<Integer, String>> samples(GoldenCase golden, String group) {
    Map<Integer, Map<Integer, String>> samples = new TreeMap<>();
    for (String call : prefixes(golden, "/in/hidden_states")) {
      Matcher write = WRITE.matcher(call.substring(call.lastIndexOf('/') + 1));
      if (group(call).equals(group) && write.matches()) {
        samples
            .computeIfAbsent(Integer.valueOf(write.group(1)), s -> new TreeMap<>())
            .put(Integer.valueOf(write.group(2)), call);
      }
    }
    return samples;
  }

  private static SourceCache fill(
      GlmImageTransformer network, GoldenCase golden, String group, int sample, int room) {
    List<Inputs> sources =
        samples(golden, group).get(sample).values().stream()
            .map(call -> new Inputs(golden, call, 0, 1))
            .toList();
    SourceCache cache =
        network.newCache(sources.stream().mapToInt(s -> s.grid(network).size()).sum(), room);
    for (Inputs source : sources) {
      assertEquals(0, source.timestep);
      network.writeSource(cache, source.latents(), source.priorIds, source.height, source.width);
    }
    return cache;
  }

  private static void compare(
      Tolerance tolerance, GoldenCase golden, String tensor, int row, int batch, float[] actual) {
    float[] all = golden.floats(tensor);
    int size = all.length / batch;
    tolerance.check(
        golden.name(),
        batch == 1 ? tensor : tensor + "[" + row + "]",
        Arrays.copyOfRange(all, row * size, (row + 1) * size),
        actual);
  }

  /** One row of a call's inputs. */
  private static final class Inputs {
    final GoldenCase golden;
    final String in;
    final int row;
    final double timestep;
    final int height;
    final int width;
    final int top;
    final int left;
    final int[] priorIds;

    Inputs(GoldenCase golden, String call, int row, int batch) {
      this.golden = golden;
      this.in = call + "/in/";
      this.row = row;
      timestep = golden.floats(in + "timestep")[row];
      height = (int) golden.floats(in + "target_size")[2 * row];
      width = (int) golden.floats(in + "target_size")[2 * row + 1];
      top = (int) golden.floats(in + "crop_coords")[2 * row];
      left = (int) golden.floats(in + "crop_coords")[2 * row + 1];
      priorIds = golden.has(in + "prior_token_id") ? priorIds(batch) : null;
    }

    private int[] priorIds(int batch) {
      long[] ids = golden.longs(in + "prior_token_id");
      long[] drop = golden.longs(in + "prior_token_drop");
      int count = ids.length / batch;
      int perRow = drop.length / batch; // One for the whole row, or one per token.
      int[] out = new int[count];
      boolean all = true;
      for (int i = 0; i < count; i++) {
        boolean dropped = drop[row * perRow + (perRow == 1 ? 0 : i)] != 0;
        out[i] = dropped ? GlmImageTransformer.DROPPED : (int) ids[row * count + i];
        all &= dropped;
      }
      return all ? null : out;
    }

    Modulation modulation(GlmImageTransformer network) {
      return network.modulation(new double[] {timestep}, height, width, top, left);
    }

    /** {@code [C, h, w]}. */
    Tensor latents() {
      return golden.tensor(in + "hidden_states").select(0, row);
    }

    Grid grid(GlmImageTransformer network) {
      long[] shape = golden.shape(in + "hidden_states");
      int patch = network.patchSize();
      return new Grid((int) shape[2] / patch, (int) shape[3] / patch);
    }

    /** {@code [S, textEmbedDim]}. */
    Tensor text(GlmImageTransformer network) {
      return golden.has(in + "encoder_hidden_states")
          ? golden.tensor(in + "encoder_hidden_states").select(0, row)
          : Ops.empty(Goldens.compute(), 0, network.textEmbedDim());
    }
  }
}
