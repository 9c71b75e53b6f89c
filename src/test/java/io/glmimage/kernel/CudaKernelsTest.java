package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The choice between kernels, which needs no GPU. */
class CudaKernelsTest {
  private TensorScope scope;

  private final RecordedPrograms programs = new RecordedPrograms();
  private final CudaKernels auto = new CudaKernels(new KernelChoices(KernelMode.AUTO), programs);
  private final CudaKernels forced = new CudaKernels(new KernelChoices(KernelMode.FUSED), programs);

  @BeforeEach
  void open() {
    scope = new TensorScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void autoStepsDownToLibtorchAndSaysWhyOnce() {
    Tensor x = torch.randn(new long[] {3, 16});
    Tensor weight = torch.randn(new long[] {16});
    Tensor out = auto.rmsNormResidual().norm(x, weight, 1e-5);
    auto.rmsNormResidual().norm(x, weight, 1e-5);
    assertArrayEquals(Ops.toFloats(Ops.rmsNorm(x, weight, 1e-5)), Ops.toFloats(out));
    assertEquals(
        List.of("rms_norm: native (the tensors are not on a GPU)"),
        auto.selections().stream().map(KernelSelection::toString).toList());
  }

  @Test
  void aForcedKernelThatCannotRunIsAnError() {
    Tensor x = torch.randn(new long[] {3, 12}).to(ScalarType.Double);
    KernelException e =
        assertThrows(
            KernelException.class, () -> forced.rmsNormResidual().norm(x, x.select(0, 0), 1e-5));
    assertEquals(
        "Cannot run rms_norm fused: fused supports bf16 and float32, got float64; use"
            + " --kernels auto to let libtorch run it",
        e.getMessage());
  }

  @Test
  void emptyTensorsTakeLibtorchsWayInEveryMode() {
    for (CudaKernels kernels : List.of(auto, forced)) {
      priorDecoderOfNothing(kernels);
      diffusionTransformerOfNothing(kernels);
      imagesOfNothing(kernels);
      fp8OfNothing(kernels);
      Set<String> without =
          Arrays.stream(KernelOperation.values())
              .map(KernelOperation::toString)
              .collect(Collectors.toSet());
      kernels.selections().forEach(selection -> without.remove(selection.operation()));
      assertEquals(Set.of(), without, "Operations without a call here that has empty tensors");
      assertEquals(
          Arrays.stream(KernelOperation.values())
              .map(o -> o + ": native (empty tensors launch nothing)")
              .sorted()
              .toList(),
          kernels.selections().stream().map(KernelSelection::toString).toList());
    }
    assertEquals(List.of(), programs.take());
  }

  private static void priorDecoderOfNothing(CudaKernels kernels) {
    Tensor none = torch.randn(new long[] {0, 64});
    Tensor weight = torch.randn(new long[] {64});
    shape(kernels.rmsNormResidual().norm(none, weight, 1e-5), 0, 64);
    shape(kernels.rmsNormResidual().addThenNorm(none, none, weight, weight, 1e-5), 0, 64);
    shape(kernels.siluMul().siluMul(none), 0, 32);
    Tensor cache = torch.randn(new long[] {0, 9, 2, 16});
    Tensor tokens = torch.randn(new long[] {0, 96});
    Tensor counts = Ops.of(new int[0], 0).to(ScalarType.Int);
    shape(kernels.decodeAttention().attend(tokens, 2, cache, cache, counts), 0, 32);
    Tensor ids = Ops.of(new long[0], 0);
    Tensor angles = torch.randn(new long[] {0, 4});
    kernels.rotaryCacheWrite().rotateAndWrite(tokens, 2, angles, angles, ids, cache, cache);
    Tensor uniforms = torch.rand(new long[] {0});
    kernels.tokenSampling().sample(none, uniforms, new SamplingSettings(1, 5, 0.9), ids);
  }

  private static void diffusionTransformerOfNothing(CudaKernels kernels) {
    Tensor none = torch.randn(new long[] {0, 64});
    Tensor two = torch.randn(new long[] {2, 64});
    Tensor angles = torch.randn(new long[] {0, 4});
    try (PackedLayout layout = new PackedLayout(Compute.cpu(), new int[] {0}, angles, angles)) {
      shape(kernels.adaLayerNorm().apply(none, two, two, layout, 1e-5, none.clone()), 0, 64);
      shape(
          kernels
              .gatedResidualAdaLayerNorm()
              .apply(none, none, two, two, two, layout, 1e-5, none.clone()),
          0,
          64);
      Tensor heads = torch.randn(new long[] {0, 4, 8});
      Tensor sequence = heads.unsqueeze(0).transpose(1, 2);
      shape(kernels.sequenceAttention().apply(sequence, sequence, sequence), 1, 4, 0, 8);
      Tensor qkv = torch.randn(new long[] {0, 96});
      List<KeyValueRows> to = List.of(new KeyValueRows(heads, heads));
      kernels.qkNormRotary().apply(qkv, layout, 1e-5, heads, to);
      Tensor latents = torch.randn(new long[] {4, 0, 0});
      kernels.guidedEulerStep().apply(latents, none, layout, 2, torch.rand(new long[] {2}));
      kernels
          .guidedEulerStep()
          .apply(
              latents,
              none,
              torch.randn(new long[] {4, 0, 0}),
              layout,
              2,
              torch.rand(new long[] {3}));
    }
    Tensor weight = torch.randn(new long[] {24, 64});
    shape(kernels.linearGelu().apply(none, weight, torch.randn(new long[] {24})), 0, 24);
  }

  private static void imagesOfNothing(CudaKernels kernels) {
    Tensor none = torch.randn(new long[] {0, 64, 3, 2});
    Tensor vector = torch.randn(new long[] {64});
    GroupNorm.Affine affine = new GroupNorm.Affine(vector, vector, 8, 1e-6);
    shape(kernels.groupNorm().norm(none, null, affine), 0, 64, 3, 2);
    shape(kernels.groupNorm().normSilu(none, vector, affine), 0, 64, 3, 2);
    kernels.biasResidual().add(none, vector, none);
    shape(kernels.upsampleNearest().twice(none), 0, 64, 6, 4);
  }

  private static void fp8OfNothing(CudaKernels kernels) {
    Tensor none = torch.randn(new long[] {0, 64});
    Rows rows = kernels.quantizeRows().quantize(none);
    shape(rows.values(), 0, 64);
    shape(rows.scales(), 0, 1);
    shape(kernels.quantizeRows().gelu(none).values(), 0, 64);
    shape(kernels.quantizeRows().siluMul(none).values(), 0, 32);
    Rows weight = new AtenQuantizeRows().quantize(torch.randn(new long[] {16, 64}));
    shape(kernels.fp8Linear().apply(rows, weight, null, ScalarType.BFloat16), 0, 16);
    Tensor heads = none.view(0, 4, 16).to(ScalarType.Float8_e4m3fn);
    kernels.fp8Attention().apply(heads, heads, heads, heads.clone());
  }

  @Test
  void theSamplesCallEveryOperation() {
    KernelSamples.run(auto, Compute.cpu());
    KernelSamples.runFp8(auto, Compute.cpu());
    assertEquals(
        Arrays.stream(KernelOperation.values()).map(KernelOperation::toString).sorted().toList(),
        auto.selections().stream().map(KernelSelection::operation).toList());
    assertTrue(auto.selections().stream().noneMatch(KernelSelection::fused));
  }

  @Test
  void everySampleIsOneThatTheKernelsSupport() {
    CudaKernels recorded = new CudaKernels(RecordedPrograms.anyDevice(), programs);
    // sequence_attention is cuDNN's on a GPU and libtorch's elsewhere.
    KernelSamples.run(recorded, new Compute("cpu", ScalarType.Float));
    Set<String> others =
        recorded.selections().stream()
            .filter(selection -> !selection.fused())
            .map(KernelSelection::operation)
            .collect(Collectors.toSet());
    assertEquals(Set.of("sequence_attention"), others);
  }

  @Test
  void attentionOfASequenceIsLibtorchsWhereCudnnsCannotRunInEveryMode() {
    for (CudaKernels kernels : List.of(auto, forced)) {
      for (ScalarType type : List.of(ScalarType.Float, ScalarType.BFloat16)) {
        // [rows, H, d] -> [1, H, rows, d]
        Tensor q = torch.randn(new long[] {5, 2, 8}).to(type).unsqueeze(0).transpose(1, 2);
        Tensor kv = torch.randn(new long[] {9, 2, 8}).to(type).unsqueeze(0).transpose(1, 2);
        Tensor weights = q.matmul(kv.transpose(2, 3)).div(new Scalar(Math.sqrt(8))).softmax(-1);
        assertArrayEquals(
            Ops.toFloats(weights.matmul(kv)),
            Ops.toFloats(kernels.sequenceAttention().apply(q, kv, kv)),
            type == ScalarType.Float ? 1e-5f : 0.03f);
      }
      assertEquals(
          List.of(
              "sequence_attention: native (fused supports bf16, got float32)",
              "sequence_attention: native (the tensors are not on a GPU)"),
          kernels.selections().stream().map(KernelSelection::toString).toList());
    }
  }

  @Test
  void everyObstacleHasItsReason() {
    Tensor x = torch.randn(new long[] {4, 64});
    assertEquals("the tensors are not on a GPU", new KernelGuard(x).activations(x).reason());
    assertEquals(
        "fused supports bf16 and float32, got float16",
        new KernelGuard(x.to(ScalarType.Half)).activations(x).reason());
    assertEquals(
        "fused needs float32, got bf16",
        new KernelGuard(x).activations(x, x.to(ScalarType.BFloat16)).reason());
    assertEquals(
        "fused needs contiguous tensors",
        new KernelGuard(x).activations(x.transpose(0, 1)).reason());
    assertEquals(
        "fused needs tensors aligned to 16 bytes",
        new KernelGuard(x).activations(x.view(256).narrow(0, 1, 64)).reason());
    assertEquals(
        "fused needs a width that is a multiple of 8 up to 8192, got 12",
        new KernelGuard(x).width(12, 8192).reason());
    assertEquals(
        "fused needs a width that is a multiple of 8 up to 8192, got 8200",
        new KernelGuard(x).width(8200, 8192).reason());
    Tensor image = torch.randn(new long[] {2, 64, 3, 5});
    assertEquals("fused needs images whose channels are last", KernelGuard.images(image).reason());
    assertEquals(
        "the tensors are not on a GPU", KernelGuard.images(Ops.channelsLast(image)).reason());
    assertEquals(
        "fused needs a width that is a multiple of 8 up to 1024, got 1032",
        KernelGuard.images(Ops.channelsLast(torch.randn(new long[] {1, 1032, 2, 2}))).reason());
    KernelGuard fine = new KernelGuard(x).activations().width(64, 8192);
    assertNull(fine.reason());
  }

  @Test
  void imagesHaveTheirChannelsLastWhereTheKernelsTakeThem() {
    assertTrue(auto.prefersChannelsLast(ScalarType.BFloat16, 128, 512, 1024, 1024));
    assertFalse(auto.prefersChannelsLast(ScalarType.Float, 128, 512));
    assertFalse(auto.prefersChannelsLast(ScalarType.BFloat16, 12, 16, 24));
    assertFalse(auto.prefersChannelsLast(ScalarType.BFloat16, 128, 4096));
    assertFalse(new AtenKernels().prefersChannelsLast(ScalarType.BFloat16, 128, 512));
  }

  @Test
  void eightBitProductsSayWhatTheyNeed() {
    Rows x = auto.quantizeRows().quantize(torch.randn(new long[] {3, 24}));
    Rows weight = auto.quantizeRows().quantize(torch.randn(new long[] {16, 24}));
    shape(auto.fp8Linear().apply(x, weight, null, ScalarType.BFloat16), 3, 16);
    auto.fp8Linear().apply(x, weight, null, ScalarType.Float);
    assertEquals(
        List.of(
            "fp8_linear: native (fused gives bf16, float32 is wanted)",
            "fp8_linear: native (fused needs widths that are multiples of 16, got 24 and 16)",
            "quantize_rows: native (the tensors are not on a GPU)"),
        auto.selections().stream().map(KernelSelection::toString).sorted().toList());
    assertThrows(
        KernelException.class,
        () -> forced.fp8Linear().apply(x, weight, null, ScalarType.BFloat16));
  }

  @Test
  void thereIsNoForcingWithoutAGpu(@TempDir Path cache) {
    CudaUnavailableException e =
        assertThrows(
            CudaUnavailableException.class,
            () -> Kernels.provider(KernelMode.FUSED, Compute.cpu(), cache));
    assertEquals(
        "Cannot run fused kernels: no CUDA device, the model runs on cpu; use --kernels auto, or"
            + " --device cuda on a host with a GPU",
        e.getMessage());
    assertInstanceOf(AtenKernels.class, Kernels.provider(KernelMode.AUTO, Compute.cpu(), cache));
    assertInstanceOf(
        AtenKernels.class, Kernels.provider(KernelMode.NATIVE, Compute.cuda(0), cache));
  }

  @Test
  void modesAreReadByName() {
    assertEquals(KernelMode.FUSED, KernelMode.parse("fused"));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> KernelMode.parse("fast"));
    assertEquals("Invalid kernel mode: fast, expected auto, native or fused", e.getMessage());
  }

  @Test
  void withoutAGpuAGraphRunsItsWorkEveryTime() {
    int[] runs = new int[1];
    try (CudaGraph graph = new CudaGraph("count", -1, () -> runs[0]++)) {
      graph.replay();
      graph.replay();
    }
    assertEquals(2, runs[0]);
  }

  private static void shape(Tensor actual, long... expected) {
    assertArrayEquals(expected, Ops.shape(actual));
  }
}
