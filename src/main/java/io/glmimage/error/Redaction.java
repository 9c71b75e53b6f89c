package io.glmimage.error;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Removes secrets from texts that leave the program: logs, error messages, tables, reports. Texts
 * that look like secrets are hidden: credentials in URLs, signed query parameters, {@code
 * fs.*.secret=...} settings, AWS key ids. A redaction built from a configuration also hides the
 * configured secrets themselves.
 */
public final class Redaction implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Stands for a secret. */
  public static final String HIDDEN = "***";

  /** In characters. Shorter configured values are likely to be ordinary words. */
  private static final int SHORTEST_SECRET = 8;

  private static final Pattern SECRET_KEY =
      Pattern.compile(
          "(?i)secret|password|passwd|token(?!\\.service)|credential(?!s?\\.provider)|access\\.?key"
              + "|account\\.key|sas\\.key|private\\.key|encryption\\.key");

  /** A user and a password before a host. Group 1 is what precedes them. */
  public static final String URL_USER_INFO = "([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\\s@]+:[^/\\s]*@";

  /**
   * A key and its secret before a bucket. A bucket has no port, so they reach to the last @,
   * slashes included. Group 1 is what precedes them.
   */
  public static final String BUCKET_USER_INFO = "(?i)(s3[an]?://)[^\\s@/:]+:[^\\s@]*@";

  /** A signature in the query of a URL. Group 1 is what precedes it. */
  public static final String SIGNED_QUERY =
      "(?i)([?&](?:x-amz-signature|x-amz-credential|x-amz-security-token|signature|sig"
          + "|awsaccesskeyid|x-goog-signature|x-goog-credential|token|access_token|password)=)"
          + "[^&\\s\"']+";

  /**
   * Names of secret settings, for Spark's {@code spark.redaction.regex}, whose default lacks the
   * keys of Azure. Spark hides values that match, too.
   */
  public static final String SECRET_SETTINGS =
      "(?i)secret|password|passwd|token|credential|access[._-]?key|account[._-]?key|sas[._-]?key"
          + "|private[._-]?key|encryption[._-]?key";

  private static final Pattern USER_INFO = Pattern.compile(URL_USER_INFO);
  private static final Pattern BUCKET = Pattern.compile(BUCKET_USER_INFO);
  private static final Pattern QUERY_PARAMETER = Pattern.compile(SIGNED_QUERY);
  private static final Pattern SETTING =
      Pattern.compile(
          "(?i)((?:[\\w.-]*(?:secret|password|passwd|session[._-]?token|access[._-]?key"
              + "|account[._-]?key|accesskeyid)[\\w.-]*)\\s*[=:]\\s*)[^\\s,;&\"']+");

  /** Each name that the pattern matches contains one of these words. */
  private static final List<String> SETTING_WORDS = List.of("secret", "passw", "token", "key");

  private static final Pattern AWS_KEY_ID = Pattern.compile("\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b");

  private final List<String> secrets;

  private Redaction(List<String> secrets) {
    this.secrets = secrets;
  }

  /** Hides only what looks like a secret. */
  public static Redaction ofPatterns() {
    return new Redaction(List.of());
  }

  /** Also hides the values of settings with secret names. */
  public static Redaction ofSettings(Iterable<Map.Entry<String, String>> settings) {
    List<String> secrets = new ArrayList<>();
    for (Map.Entry<String, String> setting : settings) {
      String value = setting.getValue();
      if (value != null
          && value.length() >= SHORTEST_SECRET
          && isSecret(setting.getKey())
          && !value.contains("${")) {
        secrets.add(value);
      }
    }
    // The longest first, so that a secret that contains another one is hidden whole.
    secrets.sort(Comparator.comparingInt(String::length).reversed());
    return new Redaction(List.copyOf(secrets));
  }

  /** Whether a setting of this name is secret. */
  public static boolean isSecret(String key) {
    String name = key.toLowerCase(Locale.ROOT);
    return SECRET_KEY.matcher(name).find()
        && !name.endsWith(".class")
        && !name.endsWith(".provider")
        && !name.endsWith(".enabled");
  }

  /** Whether a path has a user and a password, or a key and its secret. */
  public static boolean hasCredentials(String path) {
    return path.indexOf('@') >= 0
        && (BUCKET.matcher(path).find() || USER_INFO.matcher(path).find());
  }

  /** The text without its secrets; null stays null. */
  public String apply(String text) {
    if (text == null) {
      return null;
    }
    String clean = text;
    for (String secret : secrets) {
      clean = clean.replace(secret, HIDDEN);
    }
    // Most of the many texts have none of the characters that the patterns need.
    if (clean.indexOf('@') >= 0) {
      clean = BUCKET.matcher(clean).replaceAll("$1" + HIDDEN + "@");
      clean = USER_INFO.matcher(clean).replaceAll("$1" + HIDDEN + "@");
    }
    if (clean.indexOf('=') >= 0) {
      clean = QUERY_PARAMETER.matcher(clean).replaceAll("$1" + HIDDEN);
    }
    if (mayHoldSetting(clean)) {
      clean = SETTING.matcher(clean).replaceAll("$1" + HIDDEN);
    }
    if (!clean.contains("AKIA") && !clean.contains("ASIA")) {
      return clean;
    }
    return AWS_KEY_ID.matcher(clean).replaceAll(HIDDEN);
  }

  /** Whether the name of a secret may precede an equals sign or a colon. */
  private static boolean mayHoldSetting(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '=' && c != ':') {
        continue;
      }
      int end = i;
      while (end > 0 && " \t\n\u000B\f\r".indexOf(text.charAt(end - 1)) >= 0) {
        end--;
      }
      int start = end;
      while (start > 0 && isWord(text.charAt(start - 1))) {
        start--;
      }
      String word = text.substring(start, end).toLowerCase(Locale.ROOT);
      if (SETTING_WORDS.stream().anyMatch(word::contains)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isWord(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || "_.-".indexOf(c) >= 0;
  }
}
