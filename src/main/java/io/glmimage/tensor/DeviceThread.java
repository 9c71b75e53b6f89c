package io.glmimage.tensor;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * A thread that gives a device its work, for callers of any threads, one at a time.
 *
 * <p>libtorch keeps for each thread how a convolution or an attention of a shape is computed. Kept
 * here, a plan is made once, whoever calls. And where memory ran out in the middle, cuDNN's next
 * best algorithm is taken from then on, whose sums are rounded otherwise: only a new thread chooses
 * anew.
 */
public final class DeviceThread implements AutoCloseable {
  private final String name;
  private final Runnable first;
  private ExecutorService executor;
  private Thread thread;

  /**
   * @param name of the thread
   * @param first what a new thread does before all else
   */
  public DeviceThread(String name, Runnable first) {
    this.name = name;
    this.first = first;
  }

  /**
   * Has the work done by the thread and waits for it; gives or throws what it does. An interruption
   * does not end the waiting, since nothing stops a device: the caller is left interrupted.
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
   * Lets the next call have a new thread. Waits for the end of this one, whose handles of CUDA's
   * libraries, with their workspaces, the next one then takes over.
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
