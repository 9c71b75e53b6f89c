package io.glmimage.tensor;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * The thread that submits all work to one device. Callers on any thread hand it their work, one
 * call at a time.
 *
 * <p>libtorch caches by thread how it computes a convolution or an attention of a given shape. With
 * a single thread, each plan is made once. After memory has run out, cuDNN keeps using its next
 * best algorithm, which rounds differently; only a new thread chooses again.
 */
public final class DeviceThread implements AutoCloseable {
  private final String name;
  private final Runnable first;
  private ExecutorService executor;
  private Thread thread;

  /**
   * @param name of the thread
   * @param first runs first on every new thread
   */
  public DeviceThread(String name, Runnable first) {
    this.name = name;
    this.first = first;
  }

  /**
   * Runs work on the thread and waits for it.
   *
   * <p>An interruption does not end the wait, because work on a device cannot be stopped. The
   * caller's thread is interrupted afterwards.
   *
   * @return the result of the work
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

  private static <T> T await(Future<T> result) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return result.get();
        } catch (InterruptedException e) {
          interrupted = true;
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
    thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Ends the thread and waits for its end; the next call starts a new one. The new thread takes
   * over the old one's handles of CUDA libraries and their workspaces.
   */
  public void replace() {
    if (executor == null) {
      return;
    }
    executor.shutdown();
    executor = null;
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
