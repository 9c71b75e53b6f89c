package io.glmimage.io;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What to do about a request that S3 refused. The classes of the AWS SDK and of S3A are not on
 * every class path, so their words decide.
 */
final class S3Advice {
  /**
   * A kind of refusal.
   *
   * @param words of the SDK, S3A or S3
   * @param text completes "Cannot write to s3a://b/out: ..."
   */
  private record Kind(Pattern words, String text) {
    Kind(String words, String text) {
      this(S3Advice.words(words), text);
    }
  }

  /** The first kind whose words are found counts: messages of S3A contain those of its causes. */
  private static final List<Kind> KINDS =
      List.of(
          new Kind(
              "NoAuthWithAWSException|NoAwsCredentialsException|CredentialInitializationException"
                  + "|Unable to load (?:AWS )?credentials",
              "the credentials are missing (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or"
                  + " name a provider in spark.hadoop.fs.s3a.aws.credentials.provider)"),
          new Kind(
              "RequestTimeTooSkewed",
              "the clock of this host differs from that of the store by more than 15 minutes (set"
                  + " the clock)"),
          new Kind(
              "ExpiredToken|TokenRefreshRequired|InvalidAccessKeyId|InvalidToken"
                  + "|SignatureDoesNotMatch",
              "the credentials are refused or have expired (correct or renew the key and the secret"
                  + " key; temporary ones also need AWS_SESSION_TOKEN; for a store other than AWS"
                  + " set spark.hadoop.fs.s3a.endpoint)"),
          new Kind(
              "AWSUnsupportedFeatureException|Status Code: 501",
              "the store does not implement a request of S3A (for a store that cannot delete"
                  + " several objects by one request, set"
                  + " spark.hadoop.fs.s3a.multiobjectdelete.enable=false)"),
          new Kind(
              "AuthorizationHeaderMalformed|AWSRedirectException|PermanentRedirect|Status Code:"
                  + " 301",
              "the bucket is in another region or at another endpoint (set"
                  + " spark.hadoop.fs.s3a.endpoint.region, or spark.hadoop.fs.s3a.endpoint)"),
          new Kind(
              "AWSBadRequestException",
              "the credentials are refused or have expired, or the region is wrong (renew them, or"
                  + " set spark.hadoop.fs.s3a.endpoint.region)"),
          new Kind(
              "UnknownStoreException|NoSuchBucket",
              "there is no such bucket (correct its name; for a store other than AWS set"
                  + " spark.hadoop.fs.s3a.endpoint)"),
          new Kind(
              "Status Code: 403|Error Code: AccessDenied|Access Denied \\(Service: S3",
              "access is denied (allow these credentials to list and read the bucket and, for an"
                  + " output folder, to write, to delete and to abort uploads)"));

  private S3Advice() {}

  /** A pattern for words of libraries, which are not part of a path or of a file's name. */
  static Pattern words(String words) {
    return Pattern.compile("(?<![/\\w-])(?:" + words + ")(?![/\\w-]|\\.\\w)");
  }

  /** What is wrong and what to do; empty if the failure is not of S3, or of another kind. */
  static Optional<String> of(Throwable error, String... paths) {
    List<String> texts = LibraryText.of(error, paths);
    return KINDS.stream()
        .filter(kind -> texts.stream().anyMatch(text -> kind.words().matcher(text).find()))
        .map(Kind::text)
        .findFirst();
  }
}
