package io.glmimage.kernel;

import io.glmimage.tensor.DeviceFailure;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A function with one result, written in TorchScript. TorchScript has the operations whose names
 * begin with an underscore, which the Java binding leaves out. Lives as long as the process. Safe
 * for several threads.
 */
final class TorchScript {
  private final CompilationUnit unit;
  private final Function function;

  /**
   * @param source the text of one function
   */
  TorchScript(String source) {
    unit = torch.compile(source);
    unit.retainReference();
    function = unit.get_functions().get(0);
  }

  /**
   * The function's result, of the caller's scope.
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
        // The tensor is part of the value. A new handle keeps it when the value is freed.
        return new Tensor(result.toTensor());
      }
    }
  }

  /**
   * Why libtorch refused a trial call: the last line of the traceback.
   *
   * @throws RuntimeException {@code e} itself if memory ran out, because the trial then says
   *     nothing about this libtorch
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
