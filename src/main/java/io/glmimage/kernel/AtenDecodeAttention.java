package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * {@link DecodeAttention} from libtorch's attention. On a CPU each slot is one call over its own
 * tokens. On a GPU, reading the counts would wait for the stream, so all slots are one call over
 * the whole capacity with a mask. The cache must then hold finite numbers everywhere.
 */
final class AtenDecodeAttention implements DecodeAttention {
  @Override
  public Tensor attend(Tensor qkv, int heads, Tensor keys, Tensor values, Tensor counts) {
    long slots = qkv.size(0);
    long kvHeads = keys.size(2);
    long headDim = keys.size(3);
    long width = heads * headDim;
    if (slots == 0) {
      return qkv.narrow(1, 0, width).contiguous();
    }
    // Query heads that share a key head become its queries: [S, H D] -> [S, G, H/G, D]
    Tensor queries = qkv.narrow(1, 0, width).view(slots, kvHeads, heads / kvHeads, headDim);
    if (qkv.is_cuda()) {
      // [S, C, G, D] -> [S, G, C, D]
      return masked(queries, keys.transpose(1, 2), values.transpose(1, 2), counts)
          .reshape(slots, width);
    }
    int[] lengths = Ops.toInts(counts);
    List<Tensor> out = new ArrayList<>();
    for (int s = 0; s < slots; s++) {
      out.add(
          Ops.attention(
              queries.narrow(0, s, 1),
              slot(keys, s, lengths[s]),
              slot(values, s, lengths[s]),
              null,
              /* causal= */ false,
              /* grouped= */ false));
    }
    Tensor all = out.size() == 1 ? out.get(0) : Ops.cat(0, out);
    // [S, G, H/G, D] -> [S, H D]
    return all.reshape(slots, width);
  }

  /** {@code [S, C, G, D] -> [1, G, length, D]} */
  private static Tensor slot(Tensor cache, int slot, int length) {
    return cache.narrow(0, slot, 1).narrow(1, 0, length).transpose(1, 2);
  }

  private static Tensor masked(Tensor queries, Tensor keys, Tensor values, Tensor counts) {
    TensorOptions options = counts.options();
    // [C] < [S, 1] -> [S, C] -> [S, 1, 1, C]
    Tensor positions = torch.arange(new Scalar(keys.size(2)), options);
    Tensor mask = positions.lt(counts.unsqueeze(1)).unsqueeze(1).unsqueeze(1);
    return Ops.attention(queries, keys, values, mask, /* causal= */ false, /* grouped= */ false);
  }
}
