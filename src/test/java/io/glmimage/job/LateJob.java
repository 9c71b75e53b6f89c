package io.glmimage.job;

/** A process in which a command begins while the process is ending. */
final class LateJob {
  private LateJob() {}

  /**
   * @param args the command
   */
  public static void main(String[] args) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> System.out.println("The command returned " + EditImagesJob.run(args))));
    System.exit(128 + 15);
  }
}
