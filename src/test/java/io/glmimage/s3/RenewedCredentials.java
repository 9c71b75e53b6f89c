package io.glmimage.s3;

import com.amazonaws.auth.AWSCredentials;
import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.BasicSessionCredentials;
import io.glmimage.s3.FaultyProxy.Fault;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Credentials with a session token that expires and is renewed: both ends. S3A makes an object of
 * this class by its name, so the tokens are static.
 */
public final class RenewedCredentials implements AWSCredentialsProvider {
  /** The number of the token that clients send. */
  private static final AtomicInteger SENT = new AtomicInteger();

  @Override
  public AWSCredentials getCredentials() {
    return new BasicSessionCredentials(
        S3Server.ACCESS_KEY, S3Server.SECRET_KEY, "token-" + SENT.get());
  }

  @Override
  public void refresh() {
    // The token is always the present one.
  }

  /** Renews what clients send. */
  public static void renew() {
    SENT.incrementAndGet();
  }

  /**
   * A server at which the present token expires in mid-run.
   *
   * @param folder the token expires after {@code files} were written to a folder of this name
   * @param lateBy the token is renewed after this many requests were refused
   */
  public static FaultyProxy.Plan expireAfter(String folder, int files, int lateBy) {
    int first = SENT.get();
    AtomicInteger written = new AtomicInteger();
    AtomicInteger refused = new AtomicInteger();
    return new FaultyProxy.Plan() {
      @Override
      public Fault of(String method, String path) {
        throw new UnsupportedOperationException("the token is a header");
      }

      @Override
      public Fault of(String method, String path, String head) {
        boolean old =
            head.toLowerCase(Locale.ROOT).contains("x-amz-security-token: token-" + first);
        boolean expired = written.get() >= files;
        if (method.equals("PUT") && path.contains("/" + folder + "/") && !(old && expired)) {
          written.incrementAndGet();
        }
        if (!(old && expired)) {
          return Fault.NONE;
        }
        if (refused.incrementAndGet() == lateBy) {
          renew();
        }
        return Fault.EXPIRED;
      }
    };
  }
}
