package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.WeightsException;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class ChunkReaderTest extends CacheFixtureTests {
  @Test
  void aFileThatIsModifiedWhileItIsReadIsReported() throws Exception {
    ChunkPlan plan = new ChunkPlan(fixture.listing(), 8 * CacheFixture.MIB);
    try (ChunkReader reader = new ChunkReader(new LocalFileSource(fixture.model()), plan, 1)) {
      reader.read(0);
      Files.setLastModifiedTime(CacheFixture.shard(fixture.model()), FileTime.fromMillis(1));
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(1));
      assertTrue(e.getMessage().contains("it changed while it was read: transformer/"));
    }
  }

  @Test
  void aFileThatBecameShorterIsReported() throws Exception {
    ChunkPlan plan = new ChunkPlan(fixture.listing(), 8 * CacheFixture.MIB);
    try (RandomAccessFile file =
        new RandomAccessFile(CacheFixture.shard(fixture.model()).toFile(), "rw")) {
      file.setLength(9 * CacheFixture.MIB);
    }
    try (ChunkReader reader = new ChunkReader(new LocalFileSource(fixture.model()), plan, 1)) {
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(plan.size() - 1));
      assertTrue(e.getMessage().contains("and now has " + 9 * CacheFixture.MIB), e.getMessage());
    }
  }

  @Test
  void aFileThatWasDeletedIsReported() throws Exception {
    ChunkPlan plan = new ChunkPlan(fixture.listing(), 8 * CacheFixture.MIB);
    Files.delete(CacheFixture.shard(fixture.model()));
    try (ChunkReader reader = new ChunkReader(new LocalFileSource(fixture.model()), plan, 1)) {
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(plan.size() - 1));
      assertTrue(e.getMessage().contains("transformer/"), e.getMessage());
    }
  }

  @Test
  void aReadThatFailsIsRepeatedAndThenReported() throws Exception {
    CheckpointListing listing = fixture.listing();
    ChunkPlan plan = new ChunkPlan(listing, 8 * CacheFixture.MIB);
    FlakySource flaky = new FlakySource(new LocalFileSource(fixture.model()), 2);
    try (ChunkReader reader = new ChunkReader(flaky, plan, 1)) {
      assertEquals(plan.length(0), reader.read(0).bytes().length);
    }
    flaky.failures = 1000;
    try (ChunkReader reader = new ChunkReader(flaky, plan, 1)) {
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(0));
      assertTrue(e.getMessage().contains("connection reset (4 attempts)"), e.getMessage());
    }
  }

  @Test
  void aReaderThatIsClosedWhileAThreadReadsLeavesNoStreamOpen() throws Exception {
    ChunkPlan plan = new ChunkPlan(fixture.listing(), 8 * CacheFixture.MIB);
    AtomicInteger open = new AtomicInteger();
    AtomicReference<ChunkReader> reader = new AtomicReference<>();
    FileSource source =
        new FlakySource(new LocalFileSource(fixture.model()), 0) {
          @Override
          public InputStream open(String path, long offset) throws IOException {
            open.incrementAndGet();
            return new FilterInputStream(super.open(path, offset)) {
              @Override
              public int read(byte[] into, int at, int length) throws IOException {
                reader.get().close();
                return super.read(into, at, length);
              }

              @Override
              public void close() throws IOException {
                open.decrementAndGet();
                super.close();
              }
            };
          }
        };
    reader.set(new ChunkReader(source, plan, 1));
    assertEquals(plan.length(0), reader.get().read(0).bytes().length);
    assertEquals(0, open.get());
  }

  /** A source whose connections break. */
  private static class FlakySource implements FileSource {
    private final FileSource real;
    private int failures;

    FlakySource(FileSource real, int failures) {
      this.real = real;
      this.failures = failures;
    }

    @Override
    public String name() {
      return real.name();
    }

    @Override
    public List<Entry> list() throws IOException {
      return real.list();
    }

    @Override
    public Entry stat(String path) throws IOException {
      return real.stat(path);
    }

    @Override
    public InputStream open(String path, long offset) throws IOException {
      if (failures-- > 0) {
        throw new IOException("connection reset");
      }
      return real.open(path, offset);
    }
  }
}
