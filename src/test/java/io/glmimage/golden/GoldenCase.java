package io.glmimage.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/** One fixture: {@code NAME.json} and, if it has tensors, {@code NAME.safetensors}. */
public final class GoldenCase {
  private final String name;
  private final JsonNode json;
  private final SafetensorsFile tensors;

  GoldenCase(String name, Path file) {
    this.name = name;
    try {
      json = new ObjectMapper().readTree(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Path data = file.resolveSibling(file.getFileName().toString().replace(".json", ".safetensors"));
    tensors = Files.exists(data) ? SafetensorsFile.open(data) : null;
  }

  /**
   * A case outside the goldens' folder.
   *
   * @param file {@code NAME.json}
   */
  public static GoldenCase of(Path file) {
    return new GoldenCase(file.getFileName().toString(), file);
  }

  /** The case's path below {@code cases}, such as {@code "a/07_transformer"}. */
  public String name() {
    return name;
  }

  public JsonNode json() {
    return json;
  }

  /** The checkpoint that produced this case. */
  public CheckpointFolder checkpoint() {
    Path folder = Goldens.root().resolve(json.get("checkpoint").asText());
    Goldens.require(Files.isDirectory(folder), "checkpoint " + folder.getFileName());
    return CheckpointFolder.open(folder);
  }

  /**
   * The first parts of the tensor names, {@code CASE} of {@code CASE/tensor}, in the order of the
   * description.
   */
  public Set<String> subCases() {
    Set<String> out = new LinkedHashSet<>();
    json.get("tensors")
        .fieldNames()
        .forEachRemaining(n -> out.add(n.contains("/") ? n.substring(0, n.indexOf('/')) : n));
    return out;
  }

  public boolean has(String tensor) {
    return tensors != null && tensors.has(tensor);
  }

  /** The stored tensor, on the device of the parity tests; of the caller's scope. */
  public Tensor tensor(String tensor) {
    return Ops.to(tensors.tensor(tensor), Goldens.compute(), tensors.dtype(tensor));
  }

  public long[] shape(String tensor) {
    return tensors.shape(tensor);
  }

  public float[] floats(String tensor) {
    try (TensorScope scope = new TensorScope()) {
      return Ops.toFloats(tensor(tensor));
    }
  }

  public long[] longs(String tensor) {
    try (TensorScope scope = new TensorScope()) {
      return Ops.toLongs(tensor(tensor));
    }
  }

  public byte[] bytes(String tensor) {
    try (TensorScope scope = new TensorScope()) {
      return Ops.toBytes(tensor(tensor));
    }
  }

  /**
   * {@code tolerance.atol} and {@code tolerance.rtol} of the description, for the outputs of a
   * network: see {@link Tolerance#scaled}.
   */
  public Tolerance tolerance() {
    return scaled(json.get("tolerance"));
  }

  /** As {@link #tolerance()}, for a case with a tolerance per kind of output. */
  public Tolerance tolerance(String kind) {
    return scaled(json.get("tolerance").get(kind));
  }

  private static Tolerance scaled(JsonNode t) {
    return Tolerance.scaled(t.get("atol").asDouble(), t.path("rtol").asDouble(0));
  }

  /** The names of all tensors, in the order of the description. */
  public List<String> tensorNames() {
    List<String> out = new ArrayList<>();
    json.get("tensors").fieldNames().forEachRemaining(out::add);
    return out;
  }

  @Override
  public String toString() {
    return name;
  }
}
