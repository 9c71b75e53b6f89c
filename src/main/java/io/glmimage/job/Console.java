package io.glmimage.job;

import io.glmimage.error.Redaction;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.ModelRef;
import java.io.PrintWriter;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/**
 * The surroundings of a command: streams, redaction and engines.
 *
 * @param out results, for people and pipes
 * @param err progress and failures
 * @param terminal whether {@code err} is a terminal on which a line can be redrawn
 * @param redaction removes secrets; that of the Spark session once it exists
 * @param models names the model of the options
 * @param termination of the process by a signal
 */
record Console(
    PrintWriter out,
    PrintWriter err,
    boolean terminal,
    AtomicReference<Redaction> redaction,
    Function<EngineOptions, ModelRef> models,
    Termination termination) {

  Console(
      PrintWriter out,
      PrintWriter err,
      boolean terminal,
      AtomicReference<Redaction> redaction,
      Function<EngineOptions, ModelRef> models) {
    this(out, err, terminal, redaction, models, new Termination(err));
  }

  /** Prints the line for programs, which people at a terminal do not need. */
  void printResult(String line) {
    if (!terminal) {
      err.flush();
      out.println(line);
    }
  }
}
