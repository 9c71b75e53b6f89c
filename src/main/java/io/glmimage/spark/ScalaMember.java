package io.glmimage.spark;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Constructors and methods of Spark whose parameter lists grow between its versions. Scala's
 * compiler fills new parameters with their default values. A Java caller has to name all of them,
 * and so would need other sources for each version. Here the new parameters get their defaults, as
 * in a Scala caller that was compiled for the running version.
 */
public final class ScalaMember {
  private ScalaMember() {}

  /**
   * Creates an object.
   *
   * @param first the arguments of the constructor's first parameters; those that follow get their
   *     defaults
   * @throws IllegalStateException if the class has no such constructor
   */
  public static <T> T create(Class<T> type, List<?> first) {
    Constructor<?> constructor =
        narrowest(Stream.of(type.getConstructors()), first.size(), type.getSimpleName());
    return type.cast(
        invoked(
            type.getSimpleName(),
            () ->
                constructor.newInstance(
                    arguments(constructor, first, List.of(), type, null, "$lessinit$greater"))));
  }

  /**
   * Calls a method.
   *
   * @param first the arguments of the method's first parameters
   * @param last the arguments of its last parameters; those between get their defaults
   * @throws IllegalStateException if the object has no such method, or if the method throws a
   *     checked exception, which is the cause: Scala does not declare them
   */
  public static Object call(Object target, String name, List<?> first, List<?> last) {
    Class<?> type = target.getClass();
    String what = type.getSimpleName() + "." + name;
    Method method =
        narrowest(
            Stream.of(type.getMethods()).filter(m -> m.getName().equals(name) && !m.isBridge()),
            first.size() + last.size(),
            what);
    return invoked(
        what, () -> method.invoke(target, arguments(method, first, last, type, target, name)));
  }

  /** The member with the fewest parameters that takes so many arguments. */
  private static <E extends Executable> E narrowest(Stream<E> members, int arguments, String what) {
    return members
        .filter(member -> member.getParameterCount() >= arguments)
        .min(Comparator.comparingInt(Executable::getParameterCount))
        .orElseThrow(
            () ->
                new IllegalStateException(
                    cannotCall(what)
                        + ": this version of Spark has none with "
                        + arguments
                        + " or more parameters; use a version in the table of clusters.md"));
  }

  /** All arguments. Scala keeps the default of the i-th parameter in {@code name$default$i}. */
  private static Object[] arguments(
      Executable member, List<?> first, List<?> last, Class<?> type, Object target, String name)
      throws ReflectiveOperationException {
    Object[] all = new Object[member.getParameterCount()];
    int end = all.length - last.size();
    for (int i = 0; i < all.length; i++) {
      if (i < first.size()) {
        all[i] = first.get(i);
      } else if (i >= end) {
        all[i] = last.get(i - end);
      } else {
        all[i] = type.getMethod(name + "$default$" + (i + 1)).invoke(target);
      }
    }
    return all;
  }

  @FunctionalInterface
  private interface Invocation {
    Object run() throws ReflectiveOperationException;
  }

  private static Object invoked(String what, Invocation invocation) {
    try {
      return invocation.run();
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      if (e.getCause() instanceof Error failure) {
        throw failure;
      }
      if (e.getCause() instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw new IllegalStateException(cannotCall(what) + ": " + e.getCause(), e.getCause());
    } catch (ReflectiveOperationException | IllegalArgumentException e) {
      throw new IllegalStateException(
          cannotCall(what)
              + ": "
              + e
              + "; this version of Spark has other parameters: use one in the table of clusters.md",
          e);
    }
  }

  private static String cannotCall(String what) {
    return "Cannot call Spark's " + what;
  }
}
