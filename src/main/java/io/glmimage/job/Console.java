package io.glmimage.job;

import io.glmimage.io.Redaction;
import io.glmimage.spark.engine.EngineFactory;
import io.glmimage.spark.engine.EngineOptions;
import java.io.PrintWriter;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/**
 * What a command works with besides its options.
 *
 * @param out results, for people and pipes
 * @param err progress and failures
 * @param terminal whether {@code err} is a terminal, where a line can be drawn over
 * @param redaction hides the secrets of the session, once there is one
 * @param engines makes the engine of the options
 */
record Console(
    PrintWriter out,
    PrintWriter err,
    boolean terminal,
    AtomicReference<Redaction> redaction,
    Function<EngineOptions, EngineFactory> engines) {}
