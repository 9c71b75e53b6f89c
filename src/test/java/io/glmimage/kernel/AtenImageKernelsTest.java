package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Compares the ATen forms of the operations on images with plain loops in double precision. */
class AtenImageKernelsTest {
  private static final double EPS = 1e-5;
  private static final int IMAGES = 2;
  private static final int CHANNELS = 6;
  private static final int HEIGHT = 3;
  private static final int WIDTH = 5;
  private static final int POSITIONS = HEIGHT * WIDTH;

  private final KernelProvider kernels = new AtenKernels();
  private TensorScope scope;

  @BeforeEach
  void open() {
    scope = new TensorScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Tensor image() {
    return Ops.channelsLast(torch.randn(new long[] {IMAGES, CHANNELS, HEIGHT, WIDTH}));
  }

  private static Tensor vector() {
    return torch.randn(new long[] {CHANNELS});
  }

  @Test
  void groupNormIsOfTheSumWithTheOffset() {
    Tensor x = image();
    Tensor offset = vector();
    GroupNorm.Affine affine = new GroupNorm.Affine(vector(), vector(), 3, EPS);
    for (Tensor added : new Tensor[] {offset, null}) {
      Tensor norm = kernels.groupNorm().norm(x, added, affine);
      Tensor silu = kernels.groupNorm().normSilu(x, added, affine);
      assertTrue(Ops.isChannelsLast(norm) && Ops.isChannelsLast(silu));
      double[] expected = norm(x, added, affine);
      float[] normed = Ops.toFloats(norm);
      float[] activated = Ops.toFloats(silu);
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], normed[i], 1e-5);
        assertEquals(expected[i] / (1 + Math.exp(-expected[i])), activated[i], 1e-5);
      }
    }
  }

  private static double[] norm(Tensor x, Tensor offset, GroupNorm.Affine affine) {
    float[] values = Ops.toFloats(x);
    float[] added = offset == null ? new float[CHANNELS] : Ops.toFloats(offset);
    float[] weight = Ops.toFloats(affine.weight());
    float[] bias = Ops.toFloats(affine.bias());
    int group = CHANNELS / affine.groups() * POSITIONS;
    double[] out = new double[values.length];
    for (int from = 0; from < out.length; from += group) {
      double mean = 0;
      for (int i = from; i < from + group; i++) {
        out[i] = (double) values[i] + added[i / POSITIONS % CHANNELS];
        mean += out[i] / group;
      }
      double variance = 0;
      for (int i = from; i < from + group; i++) {
        variance += (out[i] - mean) * (out[i] - mean) / group;
      }
      for (int i = from; i < from + group; i++) {
        int channel = i / POSITIONS % CHANNELS;
        out[i] = (out[i] - mean) / Math.sqrt(variance + EPS) * weight[channel] + bias[channel];
      }
    }
    return out;
  }

  @Test
  void biasAndResidualAreAddedInPlace() {
    Tensor x = image();
    Tensor residual = image();
    Tensor bias = vector();
    float[] before = Ops.toFloats(x);
    float[] added = Ops.toFloats(residual);
    float[] ofChannel = Ops.toFloats(bias);
    kernels.biasResidual().add(x, bias, residual);
    float[] sum = Ops.toFloats(x);
    for (int i = 0; i < sum.length; i++) {
      double expected = (double) before[i] + ofChannel[i / POSITIONS % CHANNELS] + added[i];
      assertEquals(expected, sum[i], 1e-6);
    }
  }

  @Test
  void everyPixelBecomesFour() {
    Tensor x = image();
    Tensor out = kernels.upsampleNearest().twice(x);
    assertTrue(Ops.isChannelsLast(out));
    assertArrayEquals(new long[] {IMAGES, CHANNELS, 2 * HEIGHT, 2 * WIDTH}, Ops.shape(out));
    float[] small = Ops.toFloats(x);
    float[] large = Ops.toFloats(out);
    for (int i = 0; i < large.length; i++) {
      int column = i % (2 * WIDTH) / 2;
      int row = i / (2 * WIDTH) % (2 * HEIGHT) / 2;
      int plane = i / (4 * POSITIONS);
      assertEquals(small[plane * POSITIONS + row * WIDTH + column], large[i]);
    }
  }
}
