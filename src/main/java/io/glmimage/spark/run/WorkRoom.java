package io.glmimage.spark.run;

import io.glmimage.error.JobException;

/**
 * The tasks of one process that have rows in work. Usually many tasks are in the room at the same
 * time. A task whose row may kill the process must be in the room alone, so that no other row is
 * lost with it. Such a task has priority: no other task may enter while it waits. The tasks in the
 * room leave as soon as they have no row in work (see {@link #isWanted}).
 */
final class WorkRoom {
  /** The room of this process. */
  static final WorkRoom SHARED = new WorkRoom();

  private int inside;
  private int waiting;
  private boolean alone;

  /** Whether a task waits to be alone. */
  synchronized boolean isWanted() {
    return waiting > 0;
  }

  /** A task that may enter the room; outside at first. */
  Visitor visitor() {
    return new Visitor();
  }

  /** One task. Only its own thread uses it. */
  final class Visitor {
    private enum Place {
      OUTSIDE,
      INSIDE,
      ALONE
    }

    private Place place = Place.OUTSIDE;

    /**
     * Waits while another task is alone or wants to be, then enters.
     *
     * @throws JobException if the thread is interrupted
     */
    void enter() {
      try {
        WorkRoom.this.enter();
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
      place = Place.INSIDE;
    }

    /**
     * Waits until no other task is in the room, then enters and keeps all others out.
     *
     * @throws JobException if the thread is interrupted
     */
    void enterAlone() {
      try {
        WorkRoom.this.enterAlone();
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
      place = Place.ALONE;
    }

    /** Leaves the room; does nothing outside. */
    void leave() {
      Place left = place;
      place = Place.OUTSIDE;
      switch (left) {
        case OUTSIDE -> {}
        case INSIDE -> WorkRoom.this.leave();
        case ALONE -> WorkRoom.this.leaveAlone();
      }
    }

    private static JobException interrupted(InterruptedException e) {
      Thread.currentThread().interrupt();
      return new JobException("Interrupted while waiting for the rows of other tasks", e);
    }
  }

  private synchronized void enter() throws InterruptedException {
    while (alone || waiting > 0) {
      wait();
    }
    inside++;
  }

  private synchronized void leave() {
    inside--;
    notifyAll();
  }

  private synchronized void enterAlone() throws InterruptedException {
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

  private synchronized void leaveAlone() {
    alone = false;
    notifyAll();
  }
}
