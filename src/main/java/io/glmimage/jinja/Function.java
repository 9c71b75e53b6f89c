package io.glmimage.jinja;

/** A value that templates can call. */
@FunctionalInterface
interface Function {
  Object call(Arguments arguments);
}
