package io.glmimage.tensor;

import io.glmimage.error.LostDeviceException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * The thread that submits all work to one device. Callers on any thread hand it their work, one
 * call at a time.
 *
 * <p>libtorch caches by thread how it computes a convolution or an attention of a given shape. With
 * a single thread, each plan is made once. After memory has run out, cuDNN keeps using its next
 * best algorithm, which rounds differently; only a new thread chooses again.
 *
 * <p>A kernel that does not end holds the thread for ever. The thread shows progress with every
 * {@link TensorScope} that it opens, which is several times a denoising step. Without progress for
 * {@link #SILENCE}, the device is given up.
 */
public final class DeviceThread implements AutoCloseable {
  /**
   * The time without progress after which a device is lost. The longest single operation takes
   * seconds; compiling all kernels takes about a minute.
   */
  public static final Duration SILENCE = Duration.ofMinutes(10);

  /** How many times a caller looks for progress during the silence. */
  private static final int LOOKS = 20;

  private final String name;
  private final Runnable first;
  private final Duration silence;
  private ExecutorService executor;
  private Worker thread;

  /** Whether the thread hangs in a call of the device. */
  private boolean stuck;

  /**
   * @param name of the thread
   * @param first runs first on every new thread
   */
  public DeviceThread(String name, Runnable first) {
    this(name, first, SILENCE);
  }

  /**
   * @param name of the thread
   * @param first runs first on every new thread
   * @param silence the time without progress after which the device is lost
   */
  public DeviceThread(String name, Runnable first, Duration silence) {
    this.name = name;
    this.first = first;
    this.silence = silence;
  }

  /** A thread that counts its progress. */
  private static final class Worker extends Thread {
    private final AtomicLong progress = new AtomicLong();

    Worker(Runnable work, String name) {
      super(work, name);
      setDaemon(true);
    }
  }

  /** Notes that the calling thread's work goes on; does nothing on threads of other kinds. */
  static void progressed() {
    if (Thread.currentThread() instanceof Worker worker) {
      worker.progress.lazySet(worker.progress.getPlain() + 1);
    }
  }

  /**
   * Runs work on the thread and waits for it.
   *
   * <p>An interruption does not end the wait, because work on a device cannot be stopped. The
   * caller's thread is interrupted afterwards.
   *
   * @return the result of the work
   * @throws LostDeviceException if the work shows no progress for too long; it is not waited for
   *     then, and the thread cannot be used any more
   * @throws RuntimeException as the work does
   */
  public <T> T call(Supplier<T> work) {
    if (executor == null) {
      executor = Executors.newSingleThreadExecutor(this::newThread);
      try {
        await(executor.submit(first));
      } catch (RuntimeException | Error e) {
        replace();
        throw e;
      }
    }
    return await(executor.submit(work::get));
  }

  private <T> T await(Future<T> result) {
    boolean interrupted = false;
    long seen = -1;
    int silentLooks = 0;
    try {
      while (true) {
        try {
          return result.get(silence.toNanos() / LOOKS, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (TimeoutException e) {
          // Looks are counted, not time: a process that was suspended has not been silent.
          long now = thread.progress.get();
          silentLooks = now == seen ? silentLooks + 1 : 0;
          seen = now;
          if (silentLooks >= LOOKS) {
            stuck = true;
            throw new LostDeviceException(
                "no progress for "
                    + silence.toSeconds()
                    + " seconds: a kernel does not end, or the device does not answer");
          }
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) e.getCause();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Thread newThread(Runnable work) {
    thread = new Worker(work, name);
    return thread;
  }

  /**
   * Ends the thread and waits for its end; the next call starts a new one. The new thread takes
   * over the old one's handles of CUDA libraries and their workspaces. A thread that hangs is left
   * behind.
   */
  public void replace() {
    if (executor == null) {
      return;
    }
    executor.shutdown();
    executor = null;
    if (stuck) {
      stuck = false;
      return;
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    replace();
  }
}
