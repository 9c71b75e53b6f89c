package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading tensors in pieces, as for a GPU, but to the CPU. */
class SafetensorsPiecesTest {
  private static final Path TINY =
      Path.of("src/main/resources/models/glm-image-tiny/vae/diffusion_pytorch_model.safetensors");

  @TempDir private Path folder;

  @Test
  void piecesMakeTheSameTensorsAsTheMapping() {
    SafetensorsFile file = SafetensorsFile.open(TINY);
    for (String name : file.names()) {
      try (TensorScope scope = new TensorScope()) {
        Tensor mapped = file.tensor(name);
        Tensor copied = pieces(file, name);
        assertEquals(Ops.dtype(mapped), Ops.dtype(copied));
        assertArrayEquals(Ops.shape(mapped), Ops.shape(copied));
        assertArrayEquals(Ops.toFloats(mapped), Ops.toFloats(copied), name);
      }
    }
  }

  @Test
  void aFileThatBecameShorterIsAnError() throws Exception {
    Path copy = Files.copy(TINY, folder.resolve("model.safetensors"));
    SafetensorsFile file = SafetensorsFile.open(copy);
    try (RandomAccessFile open = new RandomAccessFile(copy.toFile(), "rw")) {
      open.setLength(Files.size(copy) / 2);
    }
    String last = "";
    for (String name : file.names()) {
      last = file.range(name).begin() > Files.size(copy) ? name : last;
    }
    String lost = last;
    String message =
        assertThrows(
                CheckpointException.class,
                () -> {
                  try (TensorScope scope = new TensorScope()) {
                    pieces(file, lost);
                  }
                })
            .getMessage();
    assertTrue(message.contains("became shorter"), message);
  }

  private static Tensor pieces(SafetensorsFile file, String name) {
    return file.inPieces(
        name, Compute.cpu(), bytes -> Ops.empty(ScalarType.Byte, bytes), /* pieceBytes= */ 1000);
  }
}
