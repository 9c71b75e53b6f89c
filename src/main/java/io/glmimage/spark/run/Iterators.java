package io.glmimage.spark.run;

import java.util.Iterator;
import java.util.function.Function;

/** Iterators that hold one element at a time. */
final class Iterators {
  private Iterators() {}

  static <A, B> Iterator<B> map(Iterator<A> from, Function<A, B> function) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return from.hasNext();
      }

      @Override
      public B next() {
        return function.apply(from.next());
      }
    };
  }
}
