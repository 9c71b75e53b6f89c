package io.glmimage.kernel;

/** The kernel programs of one GPU, and the properties of the GPU that launches depend on. */
interface KernelPrograms {
  /** The program {@code kernels/NAME.cu}, which is compiled in the background from now on. */
  Program program(String name);

  /** The GPU's index. */
  int device();

  /** Major times 10 plus minor: 90 for Hopper. */
  int computeCapability();

  int multiprocessors();

  /**
   * Waits until all programs are compiled and loaded.
   *
   * @throws KernelException if a program does not compile or the driver refuses it
   */
  void await();

  /** One program: the entry points of a {@code .cu} file. They all take the same structure. */
  interface Program {
    /**
     * Starts a launch of {@code entry}. The first launch of a program waits for its compilation.
     *
     * @throws KernelException if the program does not compile, the driver refuses it, or it has no
     *     such entry
     */
    CudaLaunch launch(String entry);
  }
}
