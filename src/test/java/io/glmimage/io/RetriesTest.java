package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RetriesTest {
  private final AtomicInteger calls = new AtomicInteger();

  private String callFailing(Retries retries, int failures, IOException error) throws IOException {
    return retries.call(
        "read",
        "x",
        () -> {
          if (calls.incrementAndGet() <= failures) {
            throw error;
          }
          return "done";
        });
  }

  @Test
  void temporaryFailuresAreRepeatedUpToTheLimit() throws IOException {
    assertEquals("done", callFailing(new Retries(3, 2), 2, new SocketTimeoutException("slow")));
    assertEquals(3, calls.get());
    calls.set(0);
    IOException error = new IOException("reset");
    assertSame(
        error, assertThrows(IOException.class, () -> callFailing(new Retries(3, 2), 9, error)));
    assertEquals(3, calls.get());
  }

  @Test
  void lastingFailuresAreNotRepeated() {
    for (IOException error :
        new IOException[] {
          new FileNotFoundException("x"),
          new AccessDeniedException("x"),
          new IOException("wrapped", new AccessDeniedException("x")),
          new IOException("Status Code: 403; Error Code: InvalidAccessKeyId"),
          new AccessDeniedException(
              "s3a://b/x", null, "Status Code: 403; Error Code: AccessDenied"),
          new LastingException("too large"),
          new ClosedByInterruptException(),
          // Hadoop's chmod, when its task is cancelled.
          new IOException("InterruptedException", new InterruptedException()),
        }) {
      calls.set(0);
      assertThrows(IOException.class, () -> callFailing(new Retries(5, 2), 9, error));
      assertEquals(1, calls.get(), error.toString());
    }
  }

  @Test
  void expiredCredentialsMayBeRenewedBeforeTheNextAttempt() throws IOException {
    IOException expired = new IOException("Status Code: 400; Error Code: ExpiredToken");
    assertEquals("done", callFailing(new Retries(3, 2), 2, expired));
    calls.set(0);
    assertThrows(IOException.class, () -> callFailing(new Retries(3, 2), 9, expired));
    assertEquals(3, calls.get());
    assertFalse(Retries.mayPass(expired), "a job that starts with them needs others");
  }

  @Test
  void refusedCredentialsAreRecognised() {
    assertTrue(
        Retries.isCredentials(new IOException("x", new IOException("SignatureDoesNotMatch"))));
    assertFalse(Retries.isCredentials(new AccessDeniedException("s3a://b/x.png")));
    String missing = Retries.why(new IOException("NoAuthWithAWSException: none provided"));
    assertTrue(missing.startsWith("the credentials are missing"), missing);
    assertTrue(missing.endsWith("NoAuthWithAWSException: none provided"), missing);
    assertEquals("reset", Retries.why(new IOException("reset")));
    assertEquals(
        "/a does not exist, or nothing can be created there",
        Retries.why(new NoSuchFileException("/a")));
    assertEquals("access to /a is denied", Retries.why(new AccessDeniedException("/a")));
    assertEquals(
        "java.nio.file.DirectoryNotEmptyException: /a",
        Retries.why(new DirectoryNotEmptyException("/a")));
  }

  @Test
  void theNameOfAFileIsNotARefusalOfTheStore() {
    for (String name :
        List.of(
            "ExpiredToken.png", "an InvalidToken (Status Code: 403).png", "\u00e9-ExpiredToken")) {
      String path = "s3a://b/in/" + name;
      for (IOException error :
          List.of(
              new FileNotFoundException("No such file or directory: " + path),
              new IOException("open on " + path + ": reset"),
              new AccessDeniedException(path, null, "open on " + path + ": reset"))) {
        assertFalse(Retries.isCredentials(error, path), error.toString());
        assertTrue(Retries.advice(error, path).isEmpty(), error.toString());
      }
      assertTrue(Retries.isCredentials(new IOException(path + ": InvalidToken: x"), path));
    }
  }

  /** Named like S3A's class, which is not on every class path. */
  private static final class AWSUnsupportedFeatureException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  @Test
  void aRequestThatTheStoreDoesNotImplementIsNotRepeated() {
    assertFalse(Retries.mayPass(new IOException(new AWSUnsupportedFeatureException())));
  }

  /** The host's clock is set while a run works, and is soon set right. */
  @Test
  void aRequestWithAWrongDateIsRepeated() throws IOException {
    IOException skewed = new IOException("Status Code: 403; Error Code: RequestTimeTooSkewed");
    assertEquals("done", callFailing(new Retries(3, 2), 2, skewed));
    assertTrue(Retries.why(skewed).startsWith("the clock of this host differs"));
  }

  @Test
  void everyRefusalOfS3SaysWhatToDo() {
    Map<String, String> advice =
        Map.of(
            "NoAuthWithAWSException: No AWS Credentials provided by EnvironmentVariable"
                + "CredentialsProvider : SdkClientException: Unable to load AWS credentials",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            "The AWS Access Key Id you provided does not exist (Status Code: 403; Error Code:"
                + " InvalidAccessKeyId",
            "correct or renew the key",
            "UnknownStoreException: `s3a://nobucket/': Bucket does not exist",
            "there is no such bucket (correct its name",
            "A header you provided implies functionality that is not implemented. (Service: S3,"
                + " Status Code: 501, Request ID: 1)",
            "set spark.hadoop.fs.s3a.multiobjectdelete.enable=false",
            "AuthorizationHeaderMalformed: the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            "set spark.hadoop.fs.s3a.endpoint.region",
            "AWSRedirectException: Received permanent redirect response to b.s3.amazonaws.com",
            "set spark.hadoop.fs.s3a.endpoint.region",
            "getFileStatus: Forbidden (Service: Amazon S3; Status Code: 403; Error Code: 403"
                + " Forbidden",
            "allow these credentials",
            "Access Denied (Service: S3, Status Code: 403, Request ID: 1",
            "allow these credentials");
    advice.forEach(
        (message, expected) -> {
          String why = Retries.why(new IOException("x", new IOException(message)));
          assertTrue(why.contains(expected), why);
        });
    assertEquals(
        "/out (Permission denied)", Retries.why(new IOException("/out (Permission denied)")));
  }

  @Test
  void limitsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> new Retries(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new Retries(101, 1));
  }
}
