package io.glmimage.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudnn.cudnnBackendDescriptor_t;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * Descriptors of cuDNN's backend API that are freed together. A descriptor is made, given its
 * attributes and finished; then others can refer to it.
 */
final class CudnnDescriptors implements AutoCloseable {
  private static final int MESSAGE_BYTES = 2048;

  private final List<Descriptor> made = new ArrayList<>();

  /**
   * An empty descriptor.
   *
   * @param type of cuDNN's {@code CUDNN_BACKEND_.._DESCRIPTOR}
   * @param name for messages
   */
  Descriptor create(int type, String name) {
    cudnnBackendDescriptor_t handle = new cudnnBackendDescriptor_t();
    check(cudnn.cudnnBackendCreateDescriptor(type, handle), "create " + name);
    Descriptor descriptor = new Descriptor(handle, name);
    made.add(descriptor);
    return descriptor;
  }

  @Override
  public void close() {
    for (int i = made.size() - 1; i >= 0; i--) {
      cudnn.cudnnBackendDestroyDescriptor(made.get(i).handle);
    }
    made.clear();
  }

  /**
   * Checks an answer of cuDNN.
   *
   * @throws KernelException with cuDNN's own explanation, unless the status is a success
   */
  static void check(int status, String what) {
    if (status == cudnn.CUDNN_STATUS_SUCCESS) {
      return;
    }
    byte[] text = new byte[MESSAGE_BYTES];
    cudnn.cudnnGetLastErrorString(text, text.length);
    String explanation =
        new String(text, StandardCharsets.UTF_8).replaceAll("(?s)\0.*", "").strip();
    throw new KernelException(
        "Cannot "
            + what
            + " of cuDNN: "
            + cudnn.cudnnGetErrorString(status).getString()
            + (explanation.isEmpty() ? "" : ": " + explanation));
  }

  /** One descriptor. */
  static final class Descriptor {
    private final cudnnBackendDescriptor_t handle;
    private final String name;

    private Descriptor(cudnnBackendDescriptor_t handle, String name) {
      this.handle = handle;
      this.name = name;
    }

    cudnnBackendDescriptor_t handle() {
      return handle;
    }

    Descriptor int64(int attribute, long... values) {
      try (PointerScope scope = new PointerScope()) {
        return set(attribute, cudnn.CUDNN_TYPE_INT64, values.length, new LongPointer(values));
      }
    }

    Descriptor float32(int attribute, float value) {
      try (PointerScope scope = new PointerScope()) {
        return set(attribute, cudnn.CUDNN_TYPE_FLOAT, 1, new FloatPointer(value));
      }
    }

    Descriptor bool(int attribute, boolean value) {
      try (PointerScope scope = new PointerScope()) {
        BytePointer bytes = new BytePointer(1).put((byte) (value ? 1 : 0));
        return set(attribute, cudnn.CUDNN_TYPE_BOOLEAN, 1, bytes);
      }
    }

    /**
     * A constant of one of cuDNN's enumerations.
     *
     * @param type the enumeration, {@code CUDNN_TYPE_..}
     */
    Descriptor constant(int attribute, int type, int value) {
      try (PointerScope scope = new PointerScope()) {
        return set(attribute, type, 1, new IntPointer(new int[] {value}));
      }
    }

    Descriptor handle(int attribute, cudnnContext context) {
      try (PointerScope scope = new PointerScope()) {
        return set(attribute, cudnn.CUDNN_TYPE_HANDLE, 1, pointers(context));
      }
    }

    Descriptor descriptors(int attribute, Descriptor... others) {
      Pointer[] handles = new Pointer[others.length];
      for (int i = 0; i < others.length; i++) {
        handles[i] = others[i].handle;
      }
      try (PointerScope scope = new PointerScope()) {
        return set(
            attribute, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.length, pointers(handles));
      }
    }

    /** Addresses in device or host memory. */
    Descriptor addresses(int attribute, long... addresses) {
      // A void* has the size of a long on all platforms of this binding.
      try (PointerScope scope = new PointerScope()) {
        return set(
            attribute, cudnn.CUDNN_TYPE_VOID_PTR, addresses.length, new LongPointer(addresses));
      }
    }

    /** Ends the description; cuDNN checks it now. */
    Descriptor finish() {
      check(cudnn.cudnnBackendFinalize(handle), "finish " + name);
      return this;
    }

    /** The value of an attribute that is one 64-bit integer. */
    long int64(int attribute) {
      try (PointerScope scope = new PointerScope()) {
        LongPointer value = new LongPointer(1);
        check(
            cudnn.cudnnBackendGetAttribute(
                handle, attribute, cudnn.CUDNN_TYPE_INT64, 1, new LongPointer(1), value),
            "read attribute " + attribute + " of " + name);
        return value.get();
      }
    }

    /** The number of descriptors that an attribute holds. */
    int count(int attribute) {
      long[] count = new long[1];
      check(
          cudnn.cudnnBackendGetAttribute(
              handle, attribute, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, count, null),
          "count attribute " + attribute + " of " + name);
      return Math.toIntExact(count[0]);
    }

    /**
     * Fills descriptors with those of an attribute.
     *
     * @param into empty descriptors of the attribute's type
     * @return how many were filled
     */
    int read(int attribute, List<Descriptor> into) {
      Pointer[] handles = into.stream().map(Descriptor::handle).toArray(Pointer[]::new);
      long[] count = new long[1];
      try (PointerScope scope = new PointerScope()) {
        check(
            cudnn.cudnnBackendGetAttribute(
                handle,
                attribute,
                cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR,
                handles.length,
                count,
                pointers(handles)),
            "read attribute " + attribute + " of " + name);
      }
      return Math.toIntExact(count[0]);
    }

    private Descriptor set(int attribute, int type, int count, Pointer values) {
      check(
          cudnn.cudnnBackendSetAttribute(handle, attribute, type, count, values),
          "set attribute " + attribute + " of " + name);
      return this;
    }

    private static PointerPointer<Pointer> pointers(Pointer... pointers) {
      PointerPointer<Pointer> array = new PointerPointer<>(pointers.length);
      for (int i = 0; i < pointers.length; i++) {
        array.put(i, pointers[i]);
      }
      return array;
    }
  }
}
