package io.glmimage.io;

import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives objects on {@code s3a://} the content type of their file names. S3A writes {@code
 * application/octet-stream} and has no setting for other types. But before each request it calls
 * classes that its settings name: {@link S3RequestHandler} with version 1 of the AWS SDK (Hadoop
 * 3.3.2 and later), {@link S3ExecutionInterceptor} with version 2 (Hadoop 3.4).
 */
public final class S3ContentTypes {
  private static final Logger LOG = LoggerFactory.getLogger(S3ContentTypes.class);

  private static final String CONSTANTS = "org.apache.hadoop.fs.s3a.audit.S3AAuditConstants";
  private static final String HANDLERS = "fs.s3a.audit.request.handlers";
  private static final String INTERCEPTORS = "fs.s3a.audit.execution.interceptors";
  private static final String ENABLED = "fs.s3a.audit.enabled";
  private static final String SERVICE = "fs.s3a.audit.service.classname";
  private static final String NO_SERVICE = "org.apache.hadoop.fs.s3a.audit.impl.NoopAuditor";

  private S3ContentTypes() {}

  /**
   * Adds the class for S3A to an application's settings, if this Hadoop has S3A. Open file systems
   * do not change.
   */
  public static void install(Configuration configuration) {
    Class<?> constants = configuration.getClassByNameOrNull(CONSTANTS);
    if (constants == null) {
      return;
    }
    boolean version2 = hasField(constants, "AUDIT_EXECUTION_INTERCEPTORS");
    String key = version2 ? INTERCEPTORS : HANDLERS;
    // By name, because the SDK of the other class is missing.
    String name = S3ContentTypes.class.getPackageName();
    name += version2 ? ".S3ExecutionInterceptor" : ".S3RequestHandler";
    if (!sees(constants.getClassLoader(), name)) {
      LOG.info(
          "Objects get the content type application/octet-stream: S3A is among Spark's own jars and"
              + " cannot load {}; spark.driver.extraClassPath and spark.executor.extraClassPath with"
              + " this program's jar make it visible",
          name);
      return;
    }
    if (!Set.of(configuration.getTrimmedStrings(key)).contains(name)) {
      String others = configuration.getTrimmed(key, "");
      configuration.set(key, others.isEmpty() ? name : others + "," + name);
    }
    if (configuration.get(ENABLED) == null && !version2) {
      // Up to Hadoop 3.3.4, auditing is off by default and the classes are not called. It is off
      // because threads keep references to closed file systems (HADOOP-18091); here, file systems
      // live as long as the application. With this service, requests are neither logged nor marked.
      configuration.setBoolean(ENABLED, true);
      configuration.setIfUnset(SERVICE, NO_SERVICE);
    }
  }

  /**
   * The content type of an object, or null if its name has no known extension or if the request
   * writes no object.
   *
   * @param method HTTP method
   * @param path with the key
   * @param query names of the query parameters
   */
  static String of(String method, String path, Set<String> query) {
    boolean put = method.equals("PUT") && query.stream().allMatch(name -> name.startsWith("x-id"));
    boolean start = method.equals("POST") && query.contains("uploads");
    if (!put && !start) {
      return null;
    }
    return MediaTypes.ofFile(path);
  }

  private static boolean hasField(Class<?> type, String name) {
    try {
      return type.getField(name) != null;
    } catch (NoSuchFieldException e) {
      return false;
    }
  }

  /** S3A loads classes by its own class loader, whatever that of the configuration is. */
  private static boolean sees(ClassLoader loader, String name) {
    try {
      Class.forName(name, false, loader);
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }
}
