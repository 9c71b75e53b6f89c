package io.glmimage.pipeline;

import java.lang.reflect.Method;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestFactory;

/** Counts the cases that a test class makes, so that they do not become fewer unnoticed. */
final class Variants {
  private Variants() {}

  static long count(Object test) throws ReflectiveOperationException {
    long count = 0;
    for (Method method : test.getClass().getDeclaredMethods()) {
      if (method.isAnnotationPresent(TestFactory.class)) {
        count += ((Stream<?>) method.invoke(test)).count();
      }
    }
    return count;
  }
}
