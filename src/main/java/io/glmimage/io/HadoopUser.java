package io.glmimage.io;

import java.io.IOException;
import java.util.function.Supplier;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * The user that Hadoop sees. Containers often run with a user id that has no entry in the password
 * file, and then Hadoop cannot log in.
 */
public final class HadoopUser {
  private HadoopUser() {}

  /**
   * Logs in, under a given name if the system has none.
   *
   * @param fallback the name for a user without one
   */
  public static void nameUnlessKnown(Supplier<String> fallback) {
    try {
      UserGroupInformation.getLoginUser();
    } catch (IOException e) {
      UserGroupInformation.setLoginUser(UserGroupInformation.createRemoteUser(fallback.get()));
    }
  }
}
