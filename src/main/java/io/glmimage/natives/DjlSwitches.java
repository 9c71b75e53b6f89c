package io.glmimage.natives;

/** Settings of DJL that must be made before its first class is used. */
public final class DjlSwitches {
  private DjlSwitches() {}

  /** Keeps DJL off the network, unless the user has set these switches. */
  public static void stayOffline() {
    // Otherwise DJL downloads a CUDA build of the tokenizers library on machines with CUDA.
    setUnlessSet("RUST_FLAVOR", "cpu");
    // Otherwise DJL reports its use over the network, and waits for time-outs if there is none.
    setUnlessSet("OPT_OUT_TRACKING", "true");
  }

  private static void setUnlessSet(String name, String value) {
    if (System.getenv(name) == null && System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
