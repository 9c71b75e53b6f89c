package io.glmimage.job;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.package$;
import picocli.CommandLine.IVersionProvider;

/** Versions of this program, Spark and Java. */
final class Versions implements IVersionProvider {
  private static final String POM = "/META-INF/maven/io.glmimage/glm-image-spark/pom.properties";

  @Override
  public String[] getVersion() {
    return new String[] {
      program(), "Spark " + package$.MODULE$.SPARK_VERSION() + ", Java " + Runtime.version()
    };
  }

  /** Name and version of this program. */
  static String program() {
    return "glm-image-spark " + own();
  }

  static Map<String, String> all(String spark) {
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("glm-image-spark", own());
    versions.put("spark", spark);
    versions.put("java", Runtime.version().toString());
    return versions;
  }

  /** The version that Maven wrote into the jar, or {@code development} in a class folder. */
  private static String own() {
    try (InputStream in = Versions.class.getResourceAsStream(POM)) {
      if (in == null) {
        return "development";
      }
      Properties properties = new Properties();
      properties.load(in);
      return properties.getProperty("version", "development");
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + POM, e);
    }
  }
}
