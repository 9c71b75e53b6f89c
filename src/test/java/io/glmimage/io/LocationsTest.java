package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LocationsTest {
  private final Configuration configuration = new Configuration();
  private final Locations locations = new Locations(configuration);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/x/rows[1].parquet",
        "/x/{a,b}/o*z?",
        "/x/back\\slash",
        "/x/a b%20c#d&e=f",
        "/x/2024-01-01T10:00/a",
        "/x/cafe\u0301",
        "/x/caf\u00e9"
      })
  void namesAreLiteral(String path) throws IOException {
    assertEquals("file:" + path, locations.qualified(path).toString());
    assertEquals("file:" + path, locations.qualified("file:" + path).toString());
    assertEquals(Optional.of(Path.of(path)), locations.local(path));
  }

  @ParameterizedTest
  @CsvSource({
    "file:///x/a%20b%5B1%5D.png,/x/a b[1].png",
    "file://localhost/x/caf%C3%A9,/x/café",
    "file:///x/100%,/x/100%",
    "file:///x/%zz,/x/%zz",
    "file:///x/%ff,/x/%ff",
    "FILE:///x/a%2520b,/x/a%20b",
    "file:/x/a%20b,/x/a%20b",
    "/x/a%20b,/x/a%20b"
  })
  void onlyFileUrisHavePercentEscapes(String given, String path) throws IOException {
    assertEquals("file:" + path, locations.qualified(given).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"//x/y", "////x/y", "//x//y", "file:////x/y", "file://localhost//x/y"})
  void slashesAtTheStartAreOne(String given) throws IOException {
    assertEquals("file:/x/y", locations.qualified(given).toString());
    assertEquals("file:/x/y", locations.unopened(given));
    assertEquals(Optional.of(Path.of("/x/y")), locations.local(given));
  }

  @Test
  void aFileUriOfAnotherHostIsInvalid() {
    IOException e = assertThrows(LastingException.class, () -> locations.path("file://data/x.png"));
    assertEquals(
        "Invalid path: file://data/x.png, a file URI names no other host; write file:///data",
        e.getMessage());
  }

  @Test
  void aColonBeforeTheFirstSlashIsInvalidInANameWithoutFolder() throws IOException {
    IOException e = assertThrows(LastingException.class, () -> locations.path("rows:1.jsonl"));
    assertEquals(
        "Invalid path: rows:1.jsonl, \"rows:\" would be a scheme; write ./rows:1.jsonl for a file"
            + " name",
        e.getMessage());
    assertTrue(locations.qualified("./rows:1.jsonl").toString().endsWith("/rows:1.jsonl"));
    assertThrows(LastingException.class, () -> locations.path(""));
  }

  @Test
  void hdfsCannotHaveColonsInNames() {
    configuration.set("fs.hdfs.impl.disable.cache", "true");
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path("webhdfs://host:1/a/b:c");
    IOException e = assertThrows(LastingException.class, () -> locations.fileSystem(path));
    assertEquals(
        "Invalid path: webhdfs://host:1/a/b:c, names on webhdfs:// cannot have colons; rename the"
            + " file",
        e.getMessage());
  }

  @Test
  void s3MeansS3aUnlessItIsConfigured() throws IOException {
    assertEquals("s3a://b/k[1] x", locations.path("s3://b/k[1] x").toString());
    assertEquals("s3a://b/k", locations.path("S3://b/k").toString());
    configuration.set("fs.s3.impl", "com.example.OtherFileSystem");
    assertEquals("s3://b/k", locations.path("s3://b/k").toString());
  }

  @Test
  void theMessageAboutAMissingFileSystemClassNamesWhatToAdd() {
    configuration.set("fs.s3.impl", "com.example.OtherFileSystem");
    String message =
        assertThrows(
                LastingException.class,
                () -> locations.fileSystem(new org.apache.hadoop.fs.Path("s3://b/k")))
            .getMessage();
    assertEquals(
        "Cannot open the file system of s3://b/k: Class com.example.OtherFileSystem not found; add"
            + " its library to the class path (spark.jars)",
        message);
  }

  @Test
  void otherSchemesAreNotLocal() throws IOException {
    assertEquals(Optional.empty(), locations.local("s3a://b/k"));
    configuration.set("fs.defaultFS", "hdfs://name:1");
    assertEquals(Optional.empty(), locations.local("/x"));
    assertFalse(locations.local("file:/x").isEmpty());
  }
}
