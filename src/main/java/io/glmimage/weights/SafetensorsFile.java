package io.glmimage.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongFunction;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A safetensors file: the header is parsed and checked at once, the data is memory-mapped on first
 * use. Tensors are views of the mapping; they keep it alive.
 *
 * <p>Format: 8 bytes little-endian header length, a JSON header {@code {name: {dtype, shape,
 * data_offsets}}}, then the data (https://huggingface.co/docs/safetensors).
 */
public final class SafetensorsFile {
  /** The format's own limit. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  /** The pieces in which a tensor goes to a GPU. */
  static final int PINNED_BYTES = 32 << 20;

  /**
   * How much may wait for its copy: where the GPU is busy, reading would otherwise take ever more
   * pinned memory.
   */
  private static final long IN_FLIGHT_BYTES = 256L << 20;

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  /** Where a tensor lies: {@code begin} counts from the start of the file. */
  record Entry(ScalarType dtype, long[] shape, long begin, long length) {}

  private final Path file;
  private final long fileSize;
  private final Map<String, Entry> entries;
  private long inFlight;

  private SafetensorsFile(Path file, long fileSize, Map<String, Entry> entries) {
    this.file = file;
    this.fileSize = fileSize;
    this.entries = entries;
  }

  /**
   * Reads and checks the header.
   *
   * @throws CheckpointException if the file is missing, truncated, or not safetensors
   */
  public static SafetensorsFile open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < 8) {
        throw bad(file, "it has " + size + " bytes, too few for a header");
      }
      long headerLength = readFully(channel, 0, 8, file).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (headerLength <= 0 || headerLength > MAX_HEADER_BYTES) {
        throw bad(
            file, "its header claims " + headerLength + " bytes; this is not a safetensors file");
      }
      if (8 + headerLength > size) {
        throw bad(
            file,
            "it is truncated: the header needs "
                + (8 + headerLength)
                + " bytes, the file has "
                + size);
      }
      JsonNode header = JSON.readTree(readFully(channel, 8, (int) headerLength, file).array());
      if (header == null || !header.isObject()) {
        throw bad(file, "its header is not a JSON object");
      }
      return new SafetensorsFile(file, size, parse(file, header, 8 + headerLength, size));
    } catch (JacksonException e) {
      throw bad(file, "its header is not valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new CheckpointException("Cannot load model: cannot read " + file + ": " + e, e);
    }
  }

  public Path file() {
    return file;
  }

  /** The tensors' names in the order of the header. */
  public Iterable<String> names() {
    return entries.keySet();
  }

  public boolean has(String name) {
    return entries.containsKey(name);
  }

  public long[] shape(String name) {
    return entry(name).shape().clone();
  }

  /** The dtype the tensor is stored in. */
  public ScalarType dtype(String name) {
    return entry(name).dtype();
  }

  /**
   * The tensor as stored, a view of the memory-mapped file; it belongs to the caller's scope.
   * Writing to it changes no file.
   */
  public Tensor tensor(String name) {
    Entry e = entry(name);
    if (e.length() == 0) {
      return torch.empty(
          e.shape(),
          Compute.cpu().options(e.dtype()),
          new org.bytedeco.pytorch.MemoryFormatOptional());
    }
    Tensor bytes = mapping().narrow(0, e.begin(), e.length());
    if (e.begin() % torch.elementSize(e.dtype()) != 0) {
      // A view in another dtype must start at a multiple of its element size.
      bytes = bytes.clone();
    }
    return bytes.view(e.dtype()).view(e.shape());
  }

  /**
   * The tensor as stored, on a GPU; it belongs to the caller's scope. Read into pinned memory and
   * copied from there on the thread's current stream, without waiting: while one piece is on its
   * way, the next is read. libtorch notes the stream with each copy and gives a pinned piece out
   * again only when its copy is done. Not for several threads at a time.
   *
   * @throws CheckpointException if the file cannot be read or has become shorter
   */
  Tensor tensorOnGpu(String name, Compute compute) {
    return inPieces(name, compute, Ops::emptyPinned, PINNED_BYTES);
  }

  /**
   * The tensor as stored, on any device, by way of host memory.
   *
   * @param host gives host memory of so many bytes; on a GPU it must be pinned, since the copy from
   *     it is not waited for
   */
  Tensor inPieces(String name, Compute compute, LongFunction<Tensor> host, int pieceBytes) {
    Entry e = entry(name);
    try (TensorScope scope = new TensorScope();
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      Tensor bytes = Ops.empty(compute, ScalarType.Byte, e.length());
      for (long at = 0; at < e.length(); at += pieceBytes) {
        try (TensorScope piece = new TensorScope()) {
          int length = (int) Math.min(pieceBytes, e.length() - at);
          Tensor pinned = host.apply(length);
          readInto(channel, pinned, e.begin() + at, length);
          bytes.narrow(0, at, length).copy_(pinned, /* non_blocking= */ true);
          inFlight += length;
        }
        if (inFlight >= IN_FLIGHT_BYTES) {
          compute.awaitStream();
          inFlight = 0;
        }
      }
      return scope.keep(bytes.view(e.dtype()).view(e.shape()));
    } catch (IOException ex) {
      throw new CheckpointException("Cannot load model: cannot read " + file + ": " + ex, ex);
    }
  }

  private void readInto(FileChannel channel, Tensor target, long position, int length)
      throws IOException {
    ByteBuffer buffer = new BytePointer(target.data_ptr()).capacity(length).asByteBuffer();
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw bad(file, "it became shorter while it was read");
      }
    }
  }

  /** How many bytes the tensor has in the file. */
  long bytes(String name) {
    return entry(name).length();
  }

  ReadAhead.Range range(String name) {
    Entry e = entry(name);
    return new ReadAhead.Range(name, file, e.begin(), e.length());
  }

  private Tensor mapping() {
    return torch.from_file(
        file.toString(),
        new BoolOptional(false),
        new LongOptional(fileSize),
        Compute.cpu().options(ScalarType.Byte));
  }

  private Entry entry(String name) {
    Entry e = entries.get(name);
    if (e == null) {
      throw new CheckpointException("Cannot load model: " + file + " has no tensor " + name);
    }
    return e;
  }

  private static Map<String, Entry> parse(
      Path file, JsonNode header, long dataStart, long fileSize) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (Iterator<Map.Entry<String, JsonNode>> it = header.fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> field = it.next();
      String name = field.getKey();
      if (name.equals("__metadata__")) {
        continue;
      }
      JsonNode node = field.getValue();
      ScalarType dtype = dtype(file, name, node.path("dtype").asText());
      JsonNode shapeNode = node.path("shape");
      JsonNode offsets = node.path("data_offsets");
      if (!shapeNode.isArray() || !offsets.isArray() || offsets.size() != 2) {
        throw bad(file, "tensor " + name + " has no shape or no data_offsets");
      }
      long[] shape = new long[shapeNode.size()];
      long count = 1;
      for (int i = 0; i < shape.length; i++) {
        shape[i] = shapeNode.get(i).asLong(-1);
        if (shape[i] < 0) {
          throw bad(file, "tensor " + name + " has shape " + shapeNode);
        }
        count = multiply(file, name, count, shape[i]);
      }
      long begin = offsets.get(0).asLong(-1);
      long end = offsets.get(1).asLong(-1);
      long expected = multiply(file, name, count, torch.elementSize(dtype));
      if (begin < 0 || end - begin != expected) {
        throw bad(
            file,
            "tensor "
                + name
                + " of shape "
                + shapeNode
                + " needs "
                + expected
                + " bytes, its data_offsets are "
                + offsets);
      }
      if (end > fileSize - dataStart) {
        throw bad(
            file,
            "it is truncated: tensor "
                + name
                + " ends at byte "
                + (dataStart + end)
                + ", the file has "
                + fileSize);
      }
      entries.put(name, new Entry(dtype, shape, dataStart + begin, end - begin));
    }
    return Collections.unmodifiableMap(entries);
  }

  private static long multiply(Path file, String name, long a, long b) {
    try {
      return Math.multiplyExact(a, b);
    } catch (ArithmeticException e) {
      throw bad(file, "tensor " + name + " is larger than a file can be");
    }
  }

  private static ScalarType dtype(Path file, String name, String text) {
    return switch (text) {
      case "F64" -> ScalarType.Double;
      case "F32" -> ScalarType.Float;
      case "F16" -> ScalarType.Half;
      case "BF16" -> ScalarType.BFloat16;
      case "I64" -> ScalarType.Long;
      case "I32" -> ScalarType.Int;
      case "I16" -> ScalarType.Short;
      case "I8" -> ScalarType.Char;
      case "U8" -> ScalarType.Byte;
      case "BOOL" -> ScalarType.Bool;
      default ->
          throw bad(
              file,
              "tensor " + name + " has dtype \"" + text + "\", which this program cannot read");
    };
  }

  private static ByteBuffer readFully(FileChannel channel, long position, int length, Path file)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw bad(file, "it became shorter while it was read");
      }
    }
    return buffer.flip();
  }

  private static CheckpointException bad(Path file, String why) {
    return new CheckpointException("Cannot load model: " + file + ": " + why);
  }
}
