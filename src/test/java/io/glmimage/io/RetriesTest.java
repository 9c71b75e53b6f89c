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
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RetriesTest {
  private final AtomicInteger calls = new AtomicInteger();

  private String callFailing(Retries retries, int failures, IOException error) throws IOException {
    return retries.call(
        "read x",
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
          new LastingException("too large"),
          new ClosedByInterruptException(),
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
  }

  @Test
  void limitsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> new Retries(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new Retries(101, 1));
  }
}
