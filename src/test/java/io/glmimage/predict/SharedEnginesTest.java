package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("djl")
class SharedEnginesTest {
  private final AtomicInteger opened = new AtomicInteger();
  private final AtomicInteger closed = new AtomicInteger();
  private volatile boolean broken;
  private final SharedEngines engines =
      new SharedEngines((folder, device, precision) -> load(device));

  @TempDir Path folder;

  private EditEngine load(String device) {
    opened.incrementAndGet();
    if (broken) {
      throw new IllegalStateException("out of memory");
    }
    return new EditEngine() {
      @Override
      public List<EditResult> edit(List<EditRequest> requests) {
        return List.of();
      }

      @Override
      public String description() {
        return device;
      }

      @Override
      public void close() {
        closed.incrementAndGet();
      }
    };
  }

  @Test
  void theLastUserClosesAndTheNextLoadsAgain() {
    EditEngine first = engines.open(folder, "cpu", "auto");
    EditEngine second = engines.open(folder.resolve("."), "cpu", "auto");
    assertEquals(1, opened.get());
    first.close();
    first.close();
    assertEquals(0, closed.get(), "the second still uses it");
    assertEquals(List.of(), second.edit(List.of()));
    assertEquals(
        "Cannot edit: the engine is closed",
        assertThrows(IllegalStateException.class, () -> first.edit(List.of())).getMessage());
    second.close();
    assertEquals(1, closed.get());
    engines.open(folder, "cpu", "auto").close();
    assertEquals(2, opened.get());
  }

  @Test
  void precisionsAreApart() {
    engines.open(folder, "cpu", "auto").close();
    try (EditEngine first = engines.open(folder, "cpu", "auto");
        EditEngine other = engines.open(folder, "cpu", "fp8")) {
      assertEquals(first.description(), other.description());
      assertEquals(3, opened.get());
    }
  }

  @Test
  void devicesAndChangedCheckpointsAreApart() throws IOException {
    try (EditEngine first = engines.open(folder, "cuda:0", "auto");
        EditEngine other = engines.open(folder, "cuda:1", "auto")) {
      assertEquals(List.of("cuda:0", "cuda:1"), List.of(first.description(), other.description()));
      Files.writeString(folder.resolve("config.json"), "{}");
      engines.open(folder, "cuda:0", "auto").close();
      assertEquals(3, opened.get());
    }
    assertEquals(3, closed.get());
  }

  @Test
  void aFailedLoadIsTriedAgain() {
    broken = true;
    assertThrows(IllegalStateException.class, () -> engines.open(folder, "cpu", "auto"));
    broken = false;
    engines.open(folder, "cpu", "auto").close();
    assertEquals(2, opened.get());
  }

  @Test
  void manyThreadsLoadOnce() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<EditEngine>> calls = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        calls.add(() -> engines.open(folder, "cpu", "auto"));
      }
      List<EditEngine> shares = new ArrayList<>();
      for (Future<EditEngine> share : threads.invokeAll(calls)) {
        shares.add(share.get());
      }
      assertEquals(1, opened.get());
      for (EditEngine share : shares) {
        share.close();
      }
      assertEquals(1, closed.get());
    } finally {
      threads.shutdownNow();
    }
  }
}
