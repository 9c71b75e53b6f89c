package io.glmimage.spark.engine;

import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;

/** What edits the rows of a task, each on its own. */
public interface RowEngine extends AutoCloseable {
  /** Receives the result of a row, on a thread of the engine. Must be quick and must not throw. */
  @FunctionalInterface
  interface Edited {
    /**
     * @param seconds that the row took in the engine, without waiting
     */
    void edited(EditResult result, double seconds);
  }

  /** Adds a row. Does nothing after {@link #close}. Any thread may call this. */
  void edit(EditRequest request, Edited receiver);

  /** Sets the number of rows that will be added soon, because their images are being read. */
  void coming(int rows);

  /** Withdraws the rows that have no result yet; waits only for one that is being edited. */
  @Override
  void close();
}
