package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.util.VersionInfo;
import org.junit.jupiter.api.Test;

class S3ContentTypesTest {
  @Test
  void requestsThatWriteObjectsGetATypeByName() {
    assertEquals("image/png", S3ContentTypes.of("PUT", "/b/images/a.PNG", Set.of()));
    assertEquals("image/webp", S3ContentTypes.of("PUT", "/b/images/a.webp", Set.of()));
    assertEquals("image/jpeg", S3ContentTypes.of("PUT", "/b/a.jpg", Set.of("x-id")));
    assertEquals("application/x-tar", S3ContentTypes.of("POST", "/b/a.tar", Set.of("uploads")));
  }

  @Test
  void otherRequestsGetNone() {
    assertNull(S3ContentTypes.of("GET", "/b/a.png", Set.of()));
    assertNull(S3ContentTypes.of("PUT", "/b/a.png", Set.of("partNumber", "uploadId")));
    assertNull(S3ContentTypes.of("POST", "/b/a.png", Set.of("uploadId")));
    assertNull(S3ContentTypes.of("PUT", "/b.png/folder", Set.of()));
    assertNull(S3ContentTypes.of("PUT", "/b/a.unknown", Set.of()));
  }

  @Test
  void anS3aThatDoesNotSeeTheClassIsNotToldToLoadIt() throws IOException {
    // S3A is among Spark's own jars, and this program is loaded by a child of their loader.
    List<URL> jars = new ArrayList<>();
    List<URL> program = new ArrayList<>();
    for (String entry :
        System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator))) {
      (entry.endsWith(".jar") ? jars : program).add(Path.of(entry).toUri().toURL());
    }
    try (URLClassLoader spark =
            new URLClassLoader(jars.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
        URLClassLoader child = new URLClassLoader(program.toArray(URL[]::new), spark)) {
      Configuration configuration = new Configuration();
      configuration.setClassLoader(child);
      S3ContentTypes.install(configuration);
      assertNull(configuration.get("fs.s3a.audit.request.handlers"));
      assertNull(configuration.get("fs.s3a.audit.execution.interceptors"));
    }
  }

  @Test
  void installingTwiceNamesTheClassOnce() {
    // Hadoop 3.4 has version 2 of the AWS SDK.
    boolean version1 = VersionInfo.getVersion().startsWith("3.3.");
    String key = version1 ? "fs.s3a.audit.request.handlers" : "fs.s3a.audit.execution.interceptors";
    Configuration configuration = new Configuration();
    configuration.set(key, "com.example.Other");
    S3ContentTypes.install(configuration);
    S3ContentTypes.install(configuration);
    assertEquals(
        "com.example.Other,io.glmimage.io."
            + (version1 ? "S3RequestHandler" : "S3ExecutionInterceptor"),
        configuration.get(key));
    assertEquals("true", configuration.get("fs.s3a.audit.enabled"));
  }
}
