package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.glmimage.io.Storage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashSet;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("resume")
class ModelFingerprintTest {
  private static final int TENSORS = 150;
  private static final int TENSOR_BYTES = 20_000;

  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());
  private Path model;
  private String before;

  @BeforeEach
  void writeModel() throws IOException {
    model = write(folder.resolve("a"), "n");
    before = of(model);
  }

  @Test
  void aCopyInAnotherPlaceOrFromAnotherTimeIsTheSameModel() throws IOException {
    Path copy = write(folder.resolve("else/where"), "n");
    Files.setLastModifiedTime(copy.resolve("model_index.json"), FileTime.fromMillis(1000));
    assertEquals(before, of(copy));
    assertEquals(before, ModelFingerprint.of(copy.toUri().toString(), storage));
  }

  @Test
  void anyTensorWithOtherValuesMakesAnotherModel() throws IOException {
    Set<String> all = new HashSet<>(Set.of(before));
    int data = (int) Files.size(weights()) - TENSORS * TENSOR_BYTES;
    for (int tensor : new int[] {0, 1, 77, TENSORS - 1}) {
      try (RandomAccessFile file = new RandomAccessFile(weights().toFile(), "rw")) {
        file.seek(data + (long) tensor * TENSOR_BYTES + TENSOR_BYTES / 2);
        file.write(99);
      }
      all.add(of(model));
    }
    assertEquals(5, all.size());
  }

  @Test
  void namesShapesAndConfigurationsCount() throws IOException {
    assertNotEquals(before, of(write(folder.resolve("b"), "other-name")));
    Files.writeString(model.resolve("vae/config.json"), "{}");
    String config = of(model);
    assertNotEquals(before, config);
    Files.writeString(model.resolve("processor/chat_template.jinja"), "x");
    assertNotEquals(config, of(model));
  }

  @Test
  void filesThatACheckpointDoesNotUseDoNotCount() throws IOException {
    Files.writeString(model.resolve("README.md"), "words");
    Files.createDirectories(model.resolve(".git"));
    Files.writeString(model.resolve(".git/config.json"), "{}");
    Files.createDirectories(model.resolve("examples"));
    Files.writeString(model.resolve("examples/a.json"), "{}");
    assertEquals(before, of(model));
  }

  @Test
  void damagedHeadersAreLeftToTheLoader() throws IOException {
    Set<String> all = new HashSet<>(Set.of(before));
    try (RandomAccessFile file = new RandomAccessFile(weights().toFile(), "rw")) {
      file.seek(8);
      file.write('?');
      all.add(of(model));
      file.setLength(50_000);
      all.add(of(model));
      file.setLength(3);
      all.add(of(model));
      file.setLength(0);
      all.add(of(model));
      file.write(new byte[] {-1, -1, -1, -1, -1, -1, -1, 127, 1});
      all.add(of(model));
    }
    assertEquals(6, all.size());
  }

  private String of(Path model) throws IOException {
    return ModelFingerprint.of(model.toString(), storage);
  }

  private Path weights() {
    return model.resolve("transformer/x.safetensors");
  }

  /** A header larger than what is read at first, and tensors of one value each. */
  private static Path write(Path model, String name) throws IOException {
    for (String sub : new String[] {"transformer", "vae", "processor"}) {
      Files.createDirectories(model.resolve(sub));
    }
    Files.writeString(model.resolve("model_index.json"), "{\"_class_name\": \"GlmImagePipeline\"}");
    Files.writeString(model.resolve("vae/config.json"), "{\"a\": 1}");
    StringBuilder header = new StringBuilder("{\"__metadata__\": {\"format\": \"pt\"}");
    for (int i = 0; i < TENSORS; i++) {
      header
          .append(", \"")
          .append(name.repeat(500))
          .append(i)
          .append("\": {\"dtype\": \"U8\", \"shape\": [" + TENSOR_BYTES + "], \"data_offsets\": [")
          .append(i * TENSOR_BYTES)
          .append(", ")
          .append((i + 1) * TENSOR_BYTES)
          .append("]}");
    }
    byte[] text = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + text.length + TENSORS * TENSOR_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(text.length)
            .put(text);
    Files.write(model.resolve("transformer/x.safetensors"), file.array());
    return model;
  }
}
