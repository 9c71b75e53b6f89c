package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.kernel.RecordedPrograms.Launch;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What the CUDA operations launch: kernel, grid, and every field of the structure as the kernel's
 * text declares it. Needs no GPU, because launches are recorded.
 */
class CudaLaunchesTest {
  private static final double EPS = 1e-5;

  private final RecordedPrograms programs = new RecordedPrograms();
  private final CudaKernels kernels = new CudaKernels(RecordedPrograms.anyDevice(), programs);
  private TensorScope scope;

  @BeforeEach
  void open() {
    scope = new TensorScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Tensor bf16(long... shape) {
    return torch.randn(shape).to(ScalarType.BFloat16);
  }

  private static Tensor e4m3(long... shape) {
    return torch.randn(shape).to(ScalarType.Float8_e4m3fn);
  }

  private static Tensor f32(long... shape) {
    return torch.randn(shape);
  }

  private Launch launch() {
    List<Launch> launches = programs.take();
    assertEquals(1, launches.size(), launches.toString());
    return launches.get(0);
  }

  private static void assertLaunch(Launch launch, String entry, List<Long> grid, int threads) {
    assertEquals(entry, launch.entry());
    assertEquals(grid, launch.grid());
    assertEquals(threads, launch.threads());
  }

  /** Fields are given as name, value; a tensor stands for its address, null for a null pointer. */
  private static void assertFields(Launch launch, Object... expected) {
    Map<String, Object> fields = launch.fields();
    for (int i = 0; i < expected.length; i += 2) {
      Object value = expected[i + 1];
      Object wanted =
          value == null ? 0L : value instanceof Tensor t ? t.data_ptr().address() : value;
      assertEquals(wanted, fields.get((String) expected[i]), "field " + expected[i]);
    }
  }

  @Test
  void everyKernelTextBelongsToAnOperation() {
    assertEquals(KernelText.names(), programs.names());
  }

  @Test
  void aLaunchThatDoesNotFillTheStructureIsRefused() {
    KernelPrograms.Program program = programs.program("silu_mul");
    CudaLaunch tooShort = program.launch("silu_mul_f32").address(0).address(0);
    assertEquals(
        "Cannot launch silu_mul_f32: its structure Args has 24 bytes, the launch fills 16",
        assertThrows(KernelException.class, () -> tooShort.run(1, 32)).getMessage());
    CudaLaunch full = program.launch("silu_mul_f32").address(0).address(0).int32(3).int32(8);
    full.run(1, 32);
    assertFields(launch(), "rows", 3, "width", 8);
  }

  @Test
  void rmsNorm() {
    Tensor x = bf16(7, 1472);
    Tensor weight = bf16(1472);
    Tensor out = kernels.rmsNormResidual().norm(x, weight, EPS);
    Launch launch = launch();
    // 1472 elements are 184 vectors, 2 a thread: 92 threads, whole warps.
    assertLaunch(launch, "rms_norm_bf16", List.of(7L, 1L, 1L), 96);
    assertFields(launch, "residual", null, "branch", x, "branchWeight", null, "nextWeight", weight);
    assertFields(launch, "out", out, "width", 1472, "eps", (float) EPS);
  }

  @Test
  void rmsNormResidual() {
    Tensor x = f32(3, 40);
    Tensor branch = f32(3, 40);
    Tensor first = f32(40);
    Tensor second = f32(40);
    Tensor out = kernels.rmsNormResidual().addThenNorm(x, branch, first, second, EPS);
    Launch launch = launch();
    assertLaunch(launch, "rms_norm_residual_f32", List.of(3L, 1L, 1L), 32);
    assertFields(
        launch, "residual", x, "branch", branch, "branchWeight", first, "nextWeight", second);
    assertFields(launch, "out", out, "width", 40, "eps", (float) EPS);
  }

  @Test
  void rotaryCacheWriteTakesWholeVectorsWhereItCan() {
    Tensor keys = bf16(5, 11, 2, 32);
    Tensor values = bf16(5, 11, 2, 32);
    Tensor qkv = bf16(3, 10 * 32);
    Tensor cells = Ops.of(new long[] {3, 20, 54}, 3);
    for (int half : new int[] {8, 5}) {
      Tensor cos = f32(3, half);
      Tensor sin = f32(3, half);
      kernels.rotaryCacheWrite().rotateAndWrite(qkv, 6, cos, sin, cells, keys, values);
      Launch launch = launch();
      String entry = "rotary_cache_write_bf16_" + (half == 8 ? 8 : 1);
      assertLaunch(launch, entry, List.of(3L, 1L, 1L), 256);
      assertFields(launch, "qkv", qkv, "cos", cos, "sin", sin, "cells", cells);
      assertFields(launch, "keys", keys, "values", values);
      assertFields(launch, "heads", 6, "kvHeads", 2, "headDim", 32, "half", half);
    }
  }

  @Test
  void decodeAttentionOnTensorCoresHasFourPieces() {
    decodeAttention(bf16(5, 10 * 64), bf16(5, 700, 2, 64), "tensor_core_bf16", 4);
  }

  @Test
  void decodeAttentionWithoutTensorCoresCutsTheCapacity() {
    decodeAttention(f32(5, 10 * 64), f32(5, 700, 2, 64), "f32", 3);
  }

  private void decodeAttention(Tensor qkv, Tensor keys, String form, int pieces) {
    Tensor values = keys.clone();
    Tensor counts = Ops.of(new int[] {1, 2, 3, 4, 700}, 5).to(ScalarType.Int);
    Tensor out = kernels.decodeAttention().attend(qkv, 6, keys, values, counts);
    List<Launch> launches = programs.take();
    assertEquals(2, launches.size());
    assertLaunch(
        launches.get(0), "decode_attention_" + form + "_64", List.of((long) pieces, 2L, 5L), 128);
    assertLaunch(launches.get(1), "decode_attention_combine_" + form, List.of(6L, 5L, 1L), 64);
    assertEquals(launches.get(0).fields(), launches.get(1).fields());
    Launch launch = launches.get(0);
    assertFields(launch, "qkv", qkv, "keys", keys, "values", values, "counts", counts, "out", out);
    assertFields(launch, "capacity", 700, "heads", 6, "kvHeads", 2, "pieces", pieces);
    assertFields(launch, "scale", (float) (1 / (8 * Math.log(2))));
    // The weights follow the sums [S, pieces, H, D] in float32.
    assertEquals(
        5L * pieces * 6 * 64 * 4,
        (long) launch.fields().get("weights") - (long) launch.fields().get("sums"));
  }

  @Test
  void siluMul() {
    Tensor gateUp = bf16(7, 2 * 4104);
    Tensor out = kernels.siluMul().siluMul(gateUp);
    Launch launch = launch();
    // 513 vectors.
    assertLaunch(launch, "silu_mul_bf16", List.of(3L, 7L, 1L), 256);
    assertFields(launch, "gateUp", gateUp, "out", out, "rows", 7, "width", 4104);
  }

  @Test
  void tokenSamplingTakesTheSmallestSizeThatHoldsTheRow() {
    Map<Integer, Integer> items = Map.of(3, 4, 4096, 4, 4097, 17, 17408, 17, 17409, 24);
    Tensor uniforms = f32(2);
    Tensor ids = Ops.of(new long[2], 2);
    items.forEach(
        (width, size) -> {
          Tensor logits = f32(2, width);
          kernels
              .tokenSampling()
              .sample(logits, uniforms, new SamplingSettings(0.5, 50, 0.75), ids);
          Launch launch = launch();
          assertLaunch(launch, "token_sampling_f32_" + size, List.of(2L, 1L, 1L), 1024);
          assertFields(launch, "logits", logits, "uniforms", uniforms, "ids", ids);
          assertFields(launch, "width", width, "topK", Math.min(50, width));
          assertFields(launch, "temperature", 0.5f, "leaving", 0.25f);
        });
  }

  @Test
  void greedySamplingAndAllOfTopP() {
    Tensor ids = Ops.of(new long[2], 2);
    kernels.tokenSampling().sample(f32(2, 9), f32(2), SamplingSettings.greedy(), ids);
    assertFields(launch(), "topK", 1, "temperature", 1f, "leaving", -1f);
    assertThrows(
        KernelException.class,
        () ->
            kernels.tokenSampling().sample(f32(2, 24577), f32(2), SamplingSettings.greedy(), ids));
  }

  @Test
  void adaLayerNormWritesNumbersOrE4m3() {
    try (PackedLayout layout = layout(new int[] {3}, 14, 8)) {
      Tensor x = bf16(17, 64);
      Tensor scale = bf16(2, 64);
      Tensor shift = bf16(2, 64);
      for (Rows out : List.of(new Rows(bf16(17, 64)), e4m3(17, 64))) {
        kernels.adaLayerNorm().apply(x, scale, shift, layout, EPS, out);
        Launch launch = launch();
        // 2 multiprocessors with 4 blocks each: 3 rows a block.
        String entry = "ada_layer_norm_bf16" + (out.quantized() ? "_e4m3" : "");
        assertLaunch(launch, entry, List.of(6L, 1L, 1L), 32);
        assertFields(launch, "x", x, "scale", scale, "shift", shift, "kind", layout.rowKind());
        assertFields(launch, "out", out.values(), "outScale", out.scales());
        assertFields(launch, "rows", 17, "width", 64, "rowsPerBlock", 3, "eps", (float) EPS);
      }
    }
  }

  @Test
  void gatedResidualAdaLayerNorm() {
    try (PackedLayout layout = layout(new int[] {3}, 14, 8)) {
      Tensor residual = f32(17, 64);
      Tensor branch = f32(17, 64);
      Tensor gate = f32(2, 64);
      Tensor scale = f32(2, 64);
      Tensor shift = f32(2, 64);
      for (Rows out : List.of(new Rows(f32(17, 64)), e4m3(17, 64))) {
        kernels
            .gatedResidualAdaLayerNorm()
            .apply(residual, branch, gate, scale, shift, layout, EPS, out);
        Launch launch = launch();
        String entry = "gated_residual_ada_layer_norm_f32" + (out.quantized() ? "_e4m3" : "");
        assertLaunch(launch, entry, List.of(6L, 1L, 1L), 32);
        assertFields(launch, "residual", residual, "branch", branch, "gate", gate);
        assertFields(launch, "scale", scale, "shift", shift, "kind", layout.rowKind());
        assertFields(launch, "out", out.values(), "outScale", out.scales());
        assertFields(launch, "rows", 17, "width", 64, "rowsPerBlock", 3, "eps", (float) EPS);
      }
    }
  }

  @Test
  void qkNormRotaryTakesEightSequencesALaunch() {
    try (PackedLayout layout = layout(new int[] {1, 0, 2, 3, 1, 0, 4, 5, 6, 1}, 3, 64)) {
      Tensor qkv = bf16(layout.rows(), 3 * 2 * 64);
      Tensor query = bf16(layout.rows(), 2, 64);
      List<KeyValueRows> to = new ArrayList<>();
      for (PackedLayout.Sequence sequence : layout.sequences()) {
        to.add(new KeyValueRows(bf16(sequence.rows(), 2, 64), bf16(sequence.rows(), 2, 64)));
      }
      kernels.qkNormRotary().apply(qkv, layout, EPS, query, to);
      List<Launch> launches = programs.take();
      assertEquals(2, launches.size());
      // 1 + 0 + 2 + 3 + 1 + 0 + 4 + 5 text rows and 8 times 3 image rows, then 7 and 6.
      assertLaunch(launches.get(0), "qk_norm_rotary_bf16_64", List.of(40L, 1L, 1L), 256);
      assertLaunch(launches.get(1), "qk_norm_rotary_bf16_64", List.of(13L, 1L, 1L), 256);
      for (Launch launch : launches) {
        assertFields(launch, "qkv", qkv, "rotaryRow", layout.rotaryRow(), "query", query);
        assertFields(launch, "cos", layout.cos(), "sin", layout.sin());
        assertFields(launch, "heads", 2, "eps", (float) EPS);
      }
      assertFields(launches.get(0), "sequences", 8, "offset[0]", 0, "offset[1]", 4);
      assertFields(launches.get(0), "key[7]", to.get(7).key(), "value[7]", to.get(7).value());
      assertFields(launches.get(0), "offset[7]", 32, "offset[8]", 40);
      assertFields(launches.get(1), "sequences", 2, "offset[0]", 40, "offset[1]", 49);
      assertFields(launches.get(1), "key[1]", to.get(9).key(), "value[1]", to.get(9).value());
      assertFields(launches.get(1), "key[2]", null, "value[7]", null, "offset[8]", 53);
    }
  }

  @Test
  void qkNormRotaryToE4m3HasTheFactorsOfQueriesKeysAndValues() {
    try (PackedLayout layout = layout(new int[] {1, 2}, 3, 128)) {
      Tensor qkv = bf16(layout.rows(), 3 * 2 * 128);
      Tensor query = e4m3(layout.rows(), 2, 128);
      List<KeyValueRows> to = new ArrayList<>();
      for (PackedLayout.Sequence sequence : layout.sequences()) {
        to.add(new KeyValueRows(e4m3(sequence.rows(), 2, 128), e4m3(sequence.rows(), 2, 128)));
      }
      kernels.qkNormRotary().apply(qkv, layout, EPS, 4, query, to);
      Launch launch = launch();
      assertLaunch(launch, "qk_norm_rotary_bf16_e4m3_128", List.of(9L, 1L, 1L), 256);
      assertFields(launch, "qkv", qkv, "query", query, "qkFactor", 32f, "valueFactor", 4f);
      assertFields(launch, "key[1]", to.get(1).key(), "value[1]", to.get(1).value());
    }
  }

  @Test
  void biasGeluTakesFourRowsABlockOrMore() {
    Tensor bias = f32(1024);
    Tensor x = f32(1000, 1024);
    kernels.linearGelu().biasGelu(x, bias);
    Launch launch = launch();
    // 256 vectors are one block; 2 multiprocessors want 64 blocks.
    assertLaunch(launch, "bias_gelu_f32", List.of(1L, 64L, 1L), 256);
    assertFields(launch, "x", x, "bias", bias, "rows", 1000, "width", 1024);
    kernels.linearGelu().biasGelu(f32(9, 1024), bias);
    assertEquals(List.of(1L, 3L, 1L), launch().grid());
  }

  @Test
  void linearGeluInFloat32IsAProductThenBiasGelu() {
    Tensor bias = f32(24);
    Tensor out = kernels.linearGelu().apply(f32(3, 16), f32(24, 16), bias);
    Launch launch = launch();
    assertLaunch(launch, "bias_gelu_f32", List.of(1L, 1L, 1L), 256);
    assertFields(launch, "x", out, "bias", bias, "rows", 3, "width", 24);
  }

  @Test
  void guidedEulerStepFindsTheImageRowsOfBothSequences() {
    for (int[] text : new int[][] {{3, 1}, {3}}) {
      try (PackedLayout layout = layout(text, 12, 8)) {
        Tensor latents = f32(16, 6, 8);
        Tensor prediction = bf16(layout.rows(), 64);
        Tensor scalars = f32(2);
        kernels.guidedEulerStep().apply(latents, prediction, layout, 2, scalars);
        Launch launch = launch();
        assertLaunch(launch, "guided_euler_step_bf16", List.of(3L, 1L, 1L), 256);
        long first = prediction.data_ptr().address();
        assertFields(launch, "latents", latents, "previous", null, "scalars", scalars);
        assertFields(launch, "conditional", first + 3 * 64 * 2);
        assertFields(launch, "unconditional", text.length > 1 ? first + 16 * 64 * 2 : null);
        assertFields(launch, "channels", 16, "height", 6, "width", 8, "patch", 2);
      }
    }
  }

  @Test
  void aStepOfTheSecondOrderPassesThePreviousNoise() {
    try (PackedLayout layout = layout(new int[] {3, 1}, 12, 8)) {
      Tensor latents = f32(16, 6, 8);
      Tensor previous = f32(16, 6, 8);
      Tensor scalars = f32(3);
      kernels
          .guidedEulerStep()
          .apply(latents, bf16(layout.rows(), 64), previous, layout, 2, scalars);
      Launch launch = launch();
      assertLaunch(launch, "guided_euler_step_bf16", List.of(3L, 1L, 1L), 256);
      assertFields(launch, "latents", latents, "previous", previous, "scalars", scalars);
    }
  }

  @Test
  void quantizeRows() {
    Tensor x = bf16(3, 128);
    for (String operation : List.of("quantize_rows", "gelu_quantize_rows")) {
      Rows out =
          operation.startsWith("gelu")
              ? kernels.quantizeRows().gelu(x)
              : kernels.quantizeRows().quantize(x);
      Launch launch = launch();
      assertLaunch(launch, operation + "_bf16", List.of(3L, 1L, 1L), 32);
      assertFields(launch, "x", x, "out", out.values(), "scale", out.scales(), "width", 128);
    }
    Rows half = kernels.quantizeRows().siluMul(x);
    Launch launch = launch();
    assertLaunch(launch, "silu_mul_quantize_rows_bf16", List.of(3L, 1L, 1L), 32);
    assertFields(launch, "x", x, "out", half.values(), "scale", half.scales(), "width", 64);
  }

  @Test
  void scaleAndBias() {
    Tensor x = bf16(9, 2056);
    Tensor rows = f32(9, 1);
    Tensor columns = f32(2056, 1);
    for (Tensor bias : new Tensor[] {bf16(2056), null}) {
      kernels.fp8Linear().scaleAndBias(x, rows, columns, bias);
      Launch launch = launch();
      // 257 vectors.
      assertLaunch(launch, "scale_bias_bf16", List.of(2L, 9L, 1L), 256);
      assertFields(launch, "x", x, "rows", rows, "columns", columns, "bias", bias);
      assertFields(launch, "height", 9, "width", 2056);
    }
  }

  @Test
  void groupNormSumsChunksThenScalesChannels() {
    Tensor x = Ops.channelsLast(bf16(2, 128, 20, 30));
    Tensor offset = bf16(128);
    GroupNorm.Affine affine = new GroupNorm.Affine(bf16(128), bf16(128), 32, EPS);
    Tensor out = kernels.groupNorm().normSilu(x, offset, affine);
    List<Launch> launches = programs.take();
    assertEquals(3, launches.size());
    // 16 vectors a position: a block takes 16 positions at once, 16 times. 600 are 3 chunks.
    assertLaunch(launches.get(0), "group_norm_sums_bf16", List.of(3L, 2L, 1L), 256);
    assertLaunch(launches.get(1), "group_norm_scales_bf16", List.of(32L, 2L, 1L), 256);
    assertLaunch(launches.get(2), "group_norm_silu_bf16", List.of(3L, 2L, 1L), 256);
    for (Launch launch : launches) {
      assertFields(launch, "x", x, "out", out, "offset", offset);
      assertFields(launch, "weight", affine.weight(), "bias", affine.bias());
      assertFields(launch, "positions", 600, "channels", 128, "groups", 32);
      assertFields(launch, "chunk", 256, "chunks", 3, "eps", (float) EPS);
      // The scales follow the sums [2, 2, 3, 128] in float32.
      assertEquals(
          2L * 2 * 3 * 128 * 4,
          (long) launch.fields().get("scales") - (long) launch.fields().get("sums"));
    }
    kernels.groupNorm().norm(x, null, affine);
    launches = programs.take();
    assertEquals("group_norm_bf16", launches.get(2).entry());
    assertFields(launches.get(2), "offset", null);
  }

  @Test
  void largeImagesHaveLongerChunksInsteadOfMore() {
    // 1 vector a position: 256 positions at once.
    Tensor x = Ops.channelsLast(bf16(1, 8, 1500, 1500));
    GroupNorm.Affine affine = new GroupNorm.Affine(bf16(8), bf16(8), 2, EPS);
    kernels.groupNorm().norm(x, null, affine);
    Launch launch = programs.take().get(0);
    // 2250000 / 512 / 256 is 17.2, so a thread takes 18 positions.
    assertFields(launch, "chunk", 18 * 256, "chunks", 489);
    assertEquals(List.of(489L, 1L, 1L), launch.grid());
  }

  @Test
  void biasResidual() {
    Tensor x = Ops.channelsLast(f32(2, 24, 5, 9));
    Tensor residual = Ops.channelsLast(f32(2, 24, 5, 9));
    Tensor bias = f32(24);
    kernels.biasResidual().add(x, bias, residual);
    Launch launch = launch();
    // 6 vectors a position: 42 positions at once, 16 times.
    assertLaunch(launch, "bias_residual_f32", List.of(1L, 1L, 1L), 256);
    assertFields(launch, "x", x, "bias", bias, "residual", residual);
    assertFields(launch, "positions", 90, "channels", 24, "chunk", 672);
  }

  @Test
  void upsampleNearest() {
    Tensor x = Ops.channelsLast(bf16(2, 64, 5, 40));
    Tensor out = kernels.upsampleNearest().twice(x);
    assertTrue(Ops.isChannelsLast(out));
    Launch launch = launch();
    // 8 vectors a pixel, 320 a row.
    assertLaunch(launch, "upsample_nearest", List.of(2L, 10L, 1L), 256);
    assertFields(launch, "x", x, "out", out, "rows", 10, "width", 40, "vectors", 8);
  }

  private static Rows e4m3(long rows, long width) {
    return new Rows(f32(rows, width).to(ScalarType.Float8_e4m3fn), f32(rows, 1));
  }

  private static PackedLayout layout(int[] text, int image, int headDim) {
    Tensor angles = f32(image, headDim / 2);
    return new PackedLayout(Compute.cpu(), text, angles, angles);
  }
}
