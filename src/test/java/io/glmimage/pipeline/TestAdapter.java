package io.glmimage.pipeline;

import io.glmimage.pipeline.CheckpointCopy.Stored;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes LoRA adapters for the embedded model, in PEFT's form. */
public final class TestAdapter {
  private static final String WEIGHTS = "transformer/diffusion_pytorch_model.safetensors";

  private TestAdapter() {}

  /**
   * Writes an adapter of the first block's attention and of the output layer.
   *
   * @param folder need not exist
   * @param seed of the values
   */
  public static Path write(Path folder, int seed) throws IOException {
    CheckpointCopy adapter = CheckpointCopy.empty(folder);
    Map<String, Stored> base = CheckpointCopy.at(CheckpointCopy.TINY).tensors(WEIGHTS);
    Map<String, Stored> tensors = new LinkedHashMap<>();
    for (String layer : new String[] {"transformer_blocks.0.attn1.to_q", "proj_out"}) {
      long[] shape = base.get(layer + ".weight").shape();
      tensors.put("base_model.model." + layer + ".lora_A.weight", matrix(seed, 2, shape[1]));
      tensors.put("base_model.model." + layer + ".lora_B.weight", matrix(seed + 1, shape[0], 2));
    }
    adapter.tensors("adapter_model.safetensors", tensors, true);
    adapter.write("adapter_config.json", "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2}");
    return folder;
  }

  /** Values from -0.5 to 0.5. */
  private static Stored matrix(int seed, long... shape) {
    int count = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
    ByteBuffer values = ByteBuffer.allocate(count * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      values.putFloat(((i * 7 + seed) % 17 - 8) / 16f);
    }
    return new Stored("F32", shape, values.array());
  }
}
