package io.glmimage.tensor;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * Frees, on close, every native object that this thread has made since the scope was opened. Scopes
 * nest. A result leaves its scope through {@link #keep}, which moves it to the enclosing one:
 *
 * <pre>{@code
 * try (TensorScope scope = new TensorScope()) {
 *   Tensor hidden = ...;
 *   return scope.keep(hidden);
 * }
 * }</pre>
 *
 * <p>Not thread-safe: a scope belongs to the thread that opened it.
 */
public final class TensorScope implements AutoCloseable {
  private final PointerScope outer;
  private final PointerScope inner;

  public TensorScope() {
    Libtorch.load();
    DeviceThread.progressed();
    outer = PointerScope.getInnerScope();
    inner = new PointerScope();
  }

  /**
   * Lets {@code pointer} outlive this scope. It is freed with the enclosing scope; without one, the
   * caller must call {@code releaseReference()}.
   */
  public <P extends Pointer> P keep(P pointer) {
    if (outer != null) {
      outer.attach(pointer);
    } else {
      pointer.retainReference();
    }
    return pointer;
  }

  /**
   * Frees {@code old}, which belongs to this scope, at once, and returns {@code next}. For chains
   * of large activations, of which only the latest may hold memory.
   */
  public <P extends Pointer> P replace(Pointer old, P next) {
    inner.detach(old);
    return next;
  }

  @Override
  public void close() {
    inner.close();
  }
}
