package io.glmimage.io;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives objects on {@code s3a://} the content type that their names stand for. S3A writes {@code
 * application/octet-stream} and has no setting for another, but calls classes that its settings
 * name before each request: {@link S3RequestHandler} with version 1 of the AWS SDK (Hadoop 3.3.2
 * and later), {@link S3ExecutionInterceptor} with version 2 (Hadoop 3.4).
 */
public final class S3ContentTypes {
  private static final Logger LOG = LoggerFactory.getLogger(S3ContentTypes.class);

  private static final String CONSTANTS = "org.apache.hadoop.fs.s3a.audit.S3AAuditConstants";
  private static final String HANDLERS = "fs.s3a.audit.request.handlers";
  private static final String INTERCEPTORS = "fs.s3a.audit.execution.interceptors";
  private static final String ENABLED = "fs.s3a.audit.enabled";
  private static final String SERVICE = "fs.s3a.audit.service.classname";
  private static final String NO_SERVICE = "org.apache.hadoop.fs.s3a.audit.impl.NoopAuditor";

  private static final Map<String, String> BY_EXTENSION =
      Map.of(
          "png", "image/png",
          "jpg", "image/jpeg",
          "webp", "image/webp",
          "html", "text/html",
          "json", "application/json",
          "jsonl", "application/jsonl",
          "tar", "application/x-tar",
          "parquet", "application/vnd.apache.parquet");

  private S3ContentTypes() {}

  /**
   * Adds the class that S3A shall call to an application's settings, where this Hadoop has S3A.
   * File systems that are open already are not changed.
   */
  public static void install(Configuration configuration) {
    Class<?> constants = configuration.getClassByNameOrNull(CONSTANTS);
    if (constants == null) {
      return;
    }
    boolean version2 = hasField(constants, "AUDIT_EXECUTION_INTERCEPTORS");
    String key = version2 ? INTERCEPTORS : HANDLERS;
    // By name: the other one's SDK is not there.
    String name = S3ContentTypes.class.getPackageName();
    name += version2 ? ".S3ExecutionInterceptor" : ".S3RequestHandler";
    if (!isLoadable(configuration, name)) {
      LOG.warn("Objects get no content types: {} cannot be loaded", name);
      return;
    }
    if (!Set.of(configuration.getTrimmedStrings(key)).contains(name)) {
      String others = configuration.getTrimmed(key, "");
      configuration.set(key, others.isEmpty() ? name : others + "," + name);
    }
    if (configuration.get(ENABLED) == null && !version2) {
      // Off by default up to 3.3.4, and then nobody is called. With this service no request is
      // logged or marked. It is off because threads keep what belongs to closed file systems
      // (HADOOP-18091); here a file system lives as long as the application.
      configuration.setBoolean(ENABLED, true);
      configuration.setIfUnset(SERVICE, NO_SERVICE);
    }
  }

  /**
   * The content type of an object, or null where its name says nothing or the request writes none.
   *
   * @param method of HTTP
   * @param path with the key
   * @param query the names of the query's parameters
   */
  static String of(String method, String path, Set<String> query) {
    boolean put = method.equals("PUT") && query.stream().allMatch(name -> name.startsWith("x-id"));
    boolean start = method.equals("POST") && query.contains("uploads");
    if (!put && !start) {
      return null;
    }
    String name = path.substring(path.lastIndexOf('/') + 1);
    int dot = name.lastIndexOf('.');
    return dot < 0 ? null : BY_EXTENSION.get(name.substring(dot + 1).toLowerCase(Locale.ROOT));
  }

  private static boolean hasField(Class<?> type, String name) {
    try {
      return type.getField(name) != null;
    } catch (NoSuchFieldException e) {
      return false;
    }
  }

  private static boolean isLoadable(Configuration configuration, String name) {
    try {
      return configuration.getClassByNameOrNull(name) != null;
    } catch (LinkageError e) {
      return false;
    }
  }
}
