package io.glmimage.io;

import io.glmimage.error.Redaction;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import org.apache.hadoop.conf.Configuration;

/** The driver's Hadoop configuration in a form that Spark can send to executors. */
public final class HadoopSettings implements Serializable {
  private static final long serialVersionUID = 1L;

  private transient Configuration configuration;
  private final Retries retries;

  /** Computed once for all tasks that share these settings, of which there are thousands. */
  private transient volatile Redaction redaction;

  public HadoopSettings(Configuration configuration) {
    this(configuration, Retries.DEFAULT);
  }

  public HadoopSettings(Configuration configuration, Retries retries) {
    this.configuration = configuration;
    this.retries = retries;
  }

  /** Opens storage with these settings. */
  public Storage storage() {
    return new Storage(configuration, retries);
  }

  /** Hides the secret values among these settings, and other texts that look like secrets. */
  public Redaction redaction() {
    Redaction found = redaction;
    if (found == null) {
      found = Redaction.ofSettings(configuration);
      redaction = found;
    }
    return found;
  }

  private void writeObject(ObjectOutputStream out) throws IOException {
    out.defaultWriteObject();
    configuration.write(out);
  }

  private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
    in.defaultReadObject();
    // The written settings include the defaults. Loading them again would cost a parse per task.
    configuration = new Configuration(false);
    configuration.readFields(in);
  }
}
