package io.glmimage.tensor;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * Frees, on close, every native object that this thread made since it was opened. Scopes nest; a
 * result leaves its scope through {@link #keep}, which hands it to the enclosing one:
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
    outer = PointerScope.getInnerScope();
    inner = new PointerScope();
  }

  /**
   * Lets {@code pointer} outlive this scope: it is freed with the enclosing scope, or, where there
   * is none, by whoever calls {@code releaseReference()} on it.
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
   * Frees {@code old}, which belongs to this scope, now instead of at the end, and hands back
   * {@code next}: for a chain of large activations, of which only the newest may hold memory.
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
