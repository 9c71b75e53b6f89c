package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an inspection of the published checkpoint reads, as from an object store. */
class InspectionTrafficTest {
  @TempDir private Path temporary;

  /** Counts requests and bytes of each file. */
  private static final class Counting implements FileSource {
    final Map<String, Integer> opened = new HashMap<>();
    final Map<String, Long> bytes = new HashMap<>();
    private final FileSource source;

    Counting(FileSource source) {
      this.source = source;
    }

    @Override
    public String name() {
      return source.name();
    }

    @Override
    public List<Entry> list() throws IOException {
      return source.list();
    }

    @Override
    public Entry stat(String path) throws IOException {
      return source.stat(path);
    }

    @Override
    public InputStream open(String path, long offset) throws IOException {
      opened.merge(path, 1, Integer::sum);
      return new FilterInputStream(source.open(path, offset)) {
        @Override
        public int read() throws IOException {
          int value = super.read();
          bytes.merge(path, value < 0 ? 0L : 1L, Long::sum);
          return value;
        }

        @Override
        public int read(byte[] into, int from, int length) throws IOException {
          int n = super.read(into, from, length);
          bytes.merge(path, Math.max(0L, n), Long::sum);
          return n;
        }
      };
    }
  }

  @Test
  void onlyHeadersOfWeightsAreRead() throws IOException {
    Path folder = PublishedFolder.write(temporary.resolve("GLM-Image"));
    Counting source = new Counting(new LocalFileSource(folder));

    CheckpointReport report = CheckpointInspector.inspect(source);

    assertEquals(List.of(), report.problems());
    List<String> weights =
        source.opened.keySet().stream().filter(f -> f.endsWith(".safetensors")).toList();
    assertEquals(9, weights.size());
    assertEquals(9, weights.stream().mapToInt(source.opened::get).sum());
    long headers = weights.stream().mapToLong(source.bytes::get).sum();
    assertTrue(headers < 300_000, headers + " bytes of weight files");
    int requests = source.opened.values().stream().mapToInt(Integer::intValue).sum();
    assertTrue(requests <= 3 * source.opened.size(), requests + " requests");
    long all = source.bytes.values().stream().mapToLong(Long::longValue).sum();
    System.out.printf(
        "inspection: %d requests for %d files, %d bytes, %d of them of weight files%n",
        requests, source.opened.size(), all, headers);
  }
}
