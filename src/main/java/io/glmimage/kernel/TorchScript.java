package io.glmimage.kernel;

import io.glmimage.tensor.DeviceFailure;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A function of one result written in TorchScript: the Java binding leaves out operations whose
 * names begin with an underscore, TorchScript has them. Lives as long as the process. Safe for
 * several threads.
 */
final class TorchScript {
  private final CompilationUnit unit;
  private final Function function;

  /**
   * @param source one function
   */
  TorchScript(String source) {
    unit = torch.compile(source);
    unit.retainReference();
    function = unit.get_functions().get(0);
  }

  /**
   * The function's tensor, of the caller's scope.
   *
   * @param arguments in order; null for None
   */
  Tensor apply(Tensor... arguments) {
    try (IValueVector values = new IValueVector()) {
      for (Tensor argument : arguments) {
        try (IValue value = argument == null ? new IValue() : new IValue(argument)) {
          values.push_back(value);
        }
      }
      try (IValue result = function.apply(values)) {
        // That tensor lies inside the value: a handle of its own survives it.
        return new Tensor(result.toTensor());
      }
    }
  }

  /**
   * Why libtorch refused what it was tried with: the last line of the traceback.
   *
   * @throws RuntimeException {@code e}, where memory ran out: that says nothing about what this
   *     libtorch can do
   */
  static String refusal(RuntimeException e) {
    if (DeviceFailure.isOutOfMemory(e)) {
      throw e;
    }
    return e.getMessage() == null
        ? e.toString()
        : e.getMessage().strip().replaceAll("(?s).*\n", "");
  }
}
