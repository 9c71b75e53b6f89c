package io.glmimage.kernel;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;

/**
 * The ATen kernels, with an operation that can be made to fail like a device that is out of memory.
 */
public final class WatchedKernels {
  private WatchedKernels() {}

  /**
   * @param operation a method of {@link KernelProvider}
   * @param before receives the arguments of each call of that operation; the call throws what it
   *     throws
   */
  public static KernelProvider of(String operation, Consumer<Object[]> before) {
    return of(new AtenKernels(), operation, before);
  }

  /** As {@link #of(String, Consumer)}, with other kernels than the ATen kernels. */
  public static KernelProvider of(
      KernelProvider kernels, String operation, Consumer<Object[]> before) {
    return proxy(
        KernelProvider.class,
        kernels,
        (method, result) ->
            method.getName().equals(operation)
                ? watched(method.getReturnType(), result, before)
                : result,
        arguments -> {});
  }

  /** The ATen kernels, for networks of images whose channels are last in memory. */
  public static KernelProvider preferringChannelsLast() {
    return proxy(
        KernelProvider.class,
        new AtenKernels(),
        (method, result) -> method.getName().equals("prefersChannelsLast") ? true : result,
        arguments -> {});
  }

  private static Object watched(Class<?> type, Object operation, Consumer<Object[]> before) {
    return proxy(type, operation, (method, result) -> result, before);
  }

  private interface Result {
    Object of(Method method, Object result);
  }

  private static <T> T proxy(
      Class<T> type, Object target, Result result, Consumer<Object[]> before) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (self, method, arguments) -> {
              before.accept(arguments);
              try {
                return result.of(method, method.invoke(target, arguments));
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }

  /** With libtorch's message. */
  public static RuntimeException outOfMemory() {
    return new RuntimeException(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB");
  }
}
