package io.glmimage.predict;

import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Stream;

/**
 * Engines by checkpoint, device and precision: DJL models that are alike in all three share one,
 * which closes with the last of them. DJL's Spark extension loads a model in every task and closes
 * none; each having its own weights would fill a GPU with the second task.
 */
final class SharedEngines {
  private final ConcurrentMap<Key, Slot> slots = new ConcurrentHashMap<>();
  private final Loader loader;

  /** Opens a checkpoint folder on a device in a precision. */
  interface Loader {
    EditEngine load(Path folder, String device, String precision);
  }

  SharedEngines(Loader loader) {
    this.loader = loader;
  }

  /**
   * The engine, loaded by the first caller while others wait. Every caller closes what it gets.
   *
   * @throws RuntimeException if it cannot be loaded; the next caller tries again
   */
  EditEngine open(Path folder, String device, String precision) {
    Key key = Key.of(folder, device, precision);
    while (true) {
      Slot slot = slots.computeIfAbsent(key, Slot::new);
      synchronized (slot) {
        if (!slot.over) {
          return slot.join(folder);
        }
      }
    }
  }

  /**
   * @param content sizes and times of the files, so that a changed checkpoint is another one
   */
  private record Key(Path folder, String device, String precision, String content) {
    static Key of(Path folder, String device, String precision) {
      try {
        Path real = folder.toRealPath();
        StringBuilder content = new StringBuilder();
        try (Stream<Path> files = Files.walk(real)) {
          for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
            content
                .append(real.relativize(file))
                .append(' ')
                .append(Files.size(file))
                .append(' ')
                .append(Files.getLastModifiedTime(file))
                .append('\n');
          }
        }
        return new Key(real, device, precision, content.toString());
      } catch (IOException e) {
        throw new UncheckedIOException("Cannot load model " + folder + ": " + e.getMessage(), e);
      }
    }
  }

  private final class Slot {
    private final Key key;
    private EditEngine engine;
    private int users;
    private boolean over;

    Slot(Key key) {
      this.key = key;
    }

    synchronized EditEngine join(Path folder) {
      if (engine == null) {
        try {
          engine = loader.load(folder, key.device(), key.precision());
        } finally {
          if (engine == null) {
            end();
          }
        }
      }
      users++;
      return new Share(this, engine);
    }

    synchronized void leave() {
      users--;
      if (users == 0) {
        end();
        engine.close();
      }
    }

    private void end() {
      over = true;
      slots.remove(key, this);
    }
  }

  /** One user's part of an engine. */
  private static final class Share implements EditEngine {
    private final Slot slot;
    private final EditEngine engine;
    private volatile boolean closed;

    Share(Slot slot, EditEngine engine) {
      this.slot = slot;
      this.engine = engine;
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      if (closed) {
        throw new IllegalStateException("Cannot edit: the engine is closed");
      }
      return engine.edit(requests);
    }

    @Override
    public String description() {
      return engine.description();
    }

    @Override
    public synchronized void close() {
      if (!closed) {
        closed = true;
        slot.leave();
      }
    }
  }
}
