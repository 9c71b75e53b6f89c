package io.glmimage.kernel;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link RotaryCacheWrite} from libtorch operations. */
final class AtenRotaryCacheWrite implements RotaryCacheWrite {
  @Override
  public void rotateAndWrite(
      Tensor qkv, int heads, Tensor cos, Tensor sin, Tensor cells, Tensor keys, Tensor values) {
    long tokens = qkv.size(0);
    if (tokens == 0) {
      return;
    }
    long kvHeads = keys.size(2);
    long headDim = keys.size(3);
    long half = cos.size(1);
    if (half > 0) {
      // [N, (H + G) D] -> [N, H + G, D]
      Tensor rotated =
          qkv.narrow(1, 0, (heads + kvHeads) * headDim).view(tokens, heads + kvHeads, headDim);
      Tensor first = rotated.narrow(2, 0, half);
      Tensor second = rotated.narrow(2, half, half);
      Tensor a = first.to(ScalarType.Float);
      Tensor b = second.to(ScalarType.Float);
      Tensor c = cos.unsqueeze(1);
      Tensor s = sin.unsqueeze(1);
      Tensor turnedFirst = a.mul(c).addcmul_(b, s, new Scalar(-1.0));
      Tensor turnedSecond = b.mul(c).addcmul_(a, s);
      first.copy_(turnedFirst);
      second.copy_(turnedSecond);
    }
    long width = kvHeads * headDim;
    // [S, C, G, D] -> [S * C, G * D]
    long rows = keys.size(0) * keys.size(1);
    keys.view(rows, width).index_copy_(0, cells, qkv.narrow(1, heads * headDim, width));
    values.view(rows, width).index_copy_(0, cells, qkv.narrow(1, heads * headDim + width, width));
  }
}
