package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
  @TempDir private Path folder;

  @Test
  void readsFloat32Float16AndBfloat16() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(8 + 4 + 4).order(ByteOrder.LITTLE_ENDIAN);
    data.putFloat(1.5f).putFloat(-2f);
    data.putShort((short) 0x3E00).putShort((short) 0xC000); // 1.5, -2 in float16
    data.putShort((short) 0x3FC0).putShort((short) 0xC000); // 1.5, -2 in bfloat16
    Path file =
        write(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[8,12]},"
                + "\"c\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[12,16]},"
                + "\"__metadata__\":{\"format\":\"pt\"}}",
            data.array());
    SafetensorsFile tensors = SafetensorsFile.open(file);
    try (TensorScope scope = new TensorScope()) {
      for (String name : tensors.names()) {
        assertArrayEquals(new float[] {1.5f, -2f}, Ops.toFloats(tensors.tensor(name)), name);
      }
      assertArrayEquals(new long[] {1, 2}, Ops.shape(tensors.tensor("b")));
      assertEquals(ScalarType.BFloat16, tensors.dtype("c"));
    }
  }

  /** Writers pad headers in practice, but the format does not require it. */
  @Test
  void readsDataThatIsNotAligned() throws IOException {
    String header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    for (int padding = 0; padding < 4; padding++) {
      Path file =
          write(
              header + " ".repeat(padding),
              ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(7).array());
      try (TensorScope scope = new TensorScope()) {
        assertArrayEquals(
            new float[] {7},
            Ops.toFloats(SafetensorsFile.open(file).tensor("a")),
            "padding " + padding);
      }
    }
  }

  @Test
  void readsEmptyTensorsAndScalars() throws IOException {
    Path file =
        write(
            "{\"e\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]},"
                + "\"s\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}",
            ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(42).array());
    SafetensorsFile tensors = SafetensorsFile.open(file);
    try (TensorScope scope = new TensorScope()) {
      assertArrayEquals(new long[] {0, 3}, Ops.shape(tensors.tensor("e")));
      assertArrayEquals(new long[] {42}, Ops.toLongs(tensors.tensor("s")));
    }
  }

  /** The message names the error of each broken header, and no data is read. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]|not a JSON object",
        "{\"a\":|not valid JSON",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}|needs 12 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}|truncated",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}|has shape",
        "{\"a\":{\"dtype\":\"F9\",\"shape\":[1],\"data_offsets\":[0,4]}}|F9",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}|no data_offsets",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}|data_offsets",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}|larger than a file",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}|its last tensor ends at byte 65, the file has 69",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}|tensor a begins at byte 65, the data before it ends at byte 61",
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[3,8]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}|tensor b begins at byte",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}|tensor b begins at byte",
        "{}|its last tensor ends at byte 10, the file has 18",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}|not valid JSON",
      })
  void brokenHeadersAreRefused(String header, String why) throws IOException {
    Path file = write(header, new byte[8]);
    CheckpointException e =
        assertThrows(CheckpointException.class, () -> SafetensorsFile.open(file));
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  @Test
  void filesThatAreNotSafetensorsAreRefused() throws IOException {
    Path tiny = Files.write(folder.resolve("tiny"), new byte[3]);
    assertMessage(tiny, "too few");
    Path huge =
        Files.write(
            folder.resolve("huge"), "PK\3\4 a zip file, in truth".getBytes(StandardCharsets.UTF_8));
    assertMessage(huge, "not a safetensors file");
    Path cut =
        Files.write(
            folder.resolve("cut"),
            ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(100).array());
    assertMessage(cut, "truncated");
    assertMessage(folder.resolve("nowhere"), "cannot read");
  }

  @Test
  void shardsAreFoundThroughTheIndexAndMustKeepItsPromises() throws IOException {
    Path component = Files.createDirectories(folder.resolve("model/text_encoder"));
    Files.writeString(
        folder.resolve("model/model_index.json"), "{\"_class_name\":\"GlmImagePipeline\"}");
    byte[] one = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(1).array();
    Files.move(
        write("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", one),
        component.resolve("model-00001-of-00002.safetensors"));
    Files.move(
        write("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", one),
        component.resolve("model-00002-of-00002.safetensors"));
    Path index = component.resolve("model.safetensors.index.json");
    Files.writeString(
        index,
        "{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\"}}");
    CheckpointFolder checkpoint = CheckpointFolder.open(folder.resolve("model"));
    try (Weights weights = checkpoint.weights("text_encoder", Compute.cpu())) {
      assertArrayEquals(new float[] {1}, Ops.toFloats(weights.get("b", 1)));
      assertEquals(java.util.List.of("a"), weights.unused());
      CheckpointException shape =
          assertThrows(CheckpointException.class, () -> weights.get("a", 2));
      assertTrue(
          shape.getMessage().contains("model-00001-of-00002.safetensors"), shape.getMessage());
      assertTrue(
          shape.getMessage().contains("[1]") && shape.getMessage().contains("[2]"),
          shape.getMessage());
      CheckpointException missing =
          assertThrows(CheckpointException.class, () -> weights.get("c", 1));
      assertTrue(missing.getMessage().contains("no tensor c"), missing.getMessage());
    }
    Files.writeString(index, "{\"weight_map\":{\"z\":\"model-00001-of-00002.safetensors\"}}");
    assertIndexRefused(checkpoint, "tensor z");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"../../secret.safetensors\"}}");
    assertIndexRefused(checkpoint, "outside the folder");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"model-00003-of-00003.safetensors\"}}");
    assertIndexRefused(checkpoint, "model-00003-of-00003.safetensors");
  }

  private static void assertIndexRefused(CheckpointFolder checkpoint, String why) {
    CheckpointException e =
        assertThrows(
            CheckpointException.class,
            () -> checkpoint.weights("text_encoder", Compute.cpu()).close());
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private static void assertMessage(Path file, String why) {
    CheckpointException e =
        assertThrows(CheckpointException.class, () -> SafetensorsFile.open(file));
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private Path write(String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
    out.write(json);
    out.write(data);
    return Files.write(Files.createTempFile(folder, "t", ".safetensors"), out.toByteArray());
  }
}
