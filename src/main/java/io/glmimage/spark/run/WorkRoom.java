package io.glmimage.spark.run;

/**
 * The tasks of one process that have rows in work. Many may be in the room at the same time; one
 * whose row may be the death of the process is in it alone, so that no other task's row is there
 * when it dies. Whoever wants to be alone goes first: the others leave as soon as they have no row
 * in work, which they see to when it {@linkplain #isWanted is wanted}.
 */
final class WorkRoom {
  /** Of this process. */
  static final WorkRoom SHARED = new WorkRoom();

  private int inside;
  private int waiting;
  private boolean alone;

  synchronized void enter() throws InterruptedException {
    while (alone || waiting > 0) {
      wait();
    }
    inside++;
  }

  synchronized void leave() {
    inside--;
    notifyAll();
  }

  synchronized void enterAlone() throws InterruptedException {
    waiting++;
    try {
      while (alone || inside > 0) {
        wait();
      }
      alone = true;
    } finally {
      waiting--;
      notifyAll();
    }
  }

  synchronized void leaveAlone() {
    alone = false;
    notifyAll();
  }

  /** Whether a task waits to be alone. */
  synchronized boolean isWanted() {
    return waiting > 0;
  }
}
