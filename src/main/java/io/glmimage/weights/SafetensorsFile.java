package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A safetensors file. The header is parsed and checked at once ({@link SafetensorsHeader}); the
 * data is memory-mapped on first use. Tensors are views of the mapping and keep the mapping alive.
 */
public final class SafetensorsFile {
  /** Size of the pieces in which a tensor is copied to a GPU. */
  static final int PINNED_BYTES = 32 << 20;

  /**
   * Limit of bytes that wait to be copied. The limit bounds the pinned memory if the GPU is busy.
   */
  private static final long IN_FLIGHT_BYTES = 256L << 20;

  /** Position of a tensor. {@code begin} is an offset from the start of the file. */
  record Entry(ScalarType dtype, long[] shape, long begin, long length) {}

  private static final String DAMAGED = "; the file is damaged: fetch or write it again";

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
    String name = file.toString();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      int prefix = (int) Math.min(size, SafetensorsHeader.PREFIX_BYTES);
      int length =
          SafetensorsHeader.jsonBytes(readFully(channel, 0, prefix, file).array(), size, name);
      byte[] json = readFully(channel, SafetensorsHeader.PREFIX_BYTES, length, file).array();
      Map<String, SafetensorsHeader.Tensor> header = SafetensorsHeader.parse(json, 0, length, name);
      return new SafetensorsFile(
          file, size, entries(file, header, SafetensorsHeader.PREFIX_BYTES + length, size));
    } catch (IOException e) {
      throw new CheckpointException("Cannot load model: cannot read " + file + ": " + e, e);
    }
  }

  public Path file() {
    return file;
  }

  /** The texts of {@code __metadata__} in the header, read again from the file. */
  Map<String, String> metadata() {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      byte[] prefix = readFully(channel, 0, SafetensorsHeader.PREFIX_BYTES, file).array();
      int length = SafetensorsHeader.jsonBytes(prefix, fileSize, file.toString());
      return SafetensorsHeader.metadata(
          readFully(channel, SafetensorsHeader.PREFIX_BYTES, length, file).array());
    } catch (IOException e) {
      throw new CheckpointException("Cannot load model: cannot read " + file + ": " + e, e);
    }
  }

  /** The names of the tensors, in header order. */
  public Iterable<String> names() {
    return entries.keySet();
  }

  public boolean has(String name) {
    return entries.containsKey(name);
  }

  public long[] shape(String name) {
    return entry(name).shape().clone();
  }

  /** The stored dtype of the tensor. */
  public ScalarType dtype(String name) {
    return entry(name).dtype();
  }

  /**
   * The tensor as stored, a view of the memory-mapped file. The tensor belongs to the caller's
   * scope. Writing to the tensor does not change the file.
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
   * The tensor as stored, on a GPU. The tensor belongs to the caller's scope. The bytes are read
   * into pinned memory and copied on the thread's current stream, without waiting: the next piece
   * is read during the copy. For each copy, libtorch records the stream, and reuses a pinned piece
   * only after its copy is done. Not thread-safe.
   *
   * @throws CheckpointException if the file cannot be read or has become shorter
   */
  Tensor tensorOnGpu(String name, Compute compute) {
    return inPieces(name, compute, Ops::emptyPinned, PINNED_BYTES);
  }

  /**
   * The tensor as stored, on any device, copied through host memory.
   *
   * @param host allocates host memory of a number of bytes; pinned for a GPU, because copies are
   *     asynchronous
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

  /** The size of the tensor in the file, in bytes. */
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

  private static Map<String, Entry> entries(
      Path file, Map<String, SafetensorsHeader.Tensor> header, long dataStart, long fileSize) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    header.forEach(
        (name, tensor) -> {
          ScalarType dtype = dtype(file, name, tensor.dtype());
          long count = 1;
          for (long side : tensor.shape()) {
            count = multiply(file, name, count, side);
          }
          long expected = multiply(file, name, count, torch.elementSize(dtype));
          long length = tensor.end() - tensor.begin();
          if (tensor.begin() < 0 || length != expected) {
            throw bad(
                file,
                "tensor "
                    + name
                    + " of shape "
                    + text(tensor.shape())
                    + " needs "
                    + expected
                    + " bytes, its data_offsets are "
                    + text(tensor.begin(), tensor.end()));
          }
          if (tensor.end() > fileSize - dataStart) {
            throw bad(
                file,
                "it is truncated: tensor "
                    + name
                    + " ends at byte "
                    + (dataStart + tensor.end())
                    + ", the file has "
                    + fileSize);
          }
          entries.put(name, new Entry(dtype, tensor.shape(), dataStart + tensor.begin(), length));
        });
    checkLayout(file, entries, dataStart, fileSize);
    return Collections.unmodifiableMap(entries);
  }

  /** The format has no bytes that belong to no tensor, and none that belong to two. */
  private static void checkLayout(
      Path file, Map<String, Entry> entries, long dataStart, long fileSize) {
    List<Map.Entry<String, Entry>> inOrder = new ArrayList<>(entries.entrySet());
    inOrder.sort(
        Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().length()));
    long end = dataStart;
    for (Map.Entry<String, Entry> next : inOrder) {
      long begin = next.getValue().begin();
      if (begin != end) {
        throw bad(
            file,
            "tensor "
                + next.getKey()
                + " begins at byte "
                + begin
                + ", the data before it ends at byte "
                + end
                + DAMAGED);
      }
      end += next.getValue().length();
    }
    if (end != fileSize) {
      throw bad(
          file, "its last tensor ends at byte " + end + ", the file has " + fileSize + DAMAGED);
    }
  }

  /** The numbers in JSON notation. */
  private static String text(long... numbers) {
    return Arrays.toString(numbers).replace(" ", "");
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
    return SafetensorsHeader.invalid(file.toString(), why);
  }
}
