package io.glmimage.error;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RedactionTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "s3a://AKID:se/cr+et@bucket/x.png|s3a://***@bucket/x.png",
        "jdbc://user:pass@host/db is down|jdbc://***@host/db is down",
        "hdfs://namenode:8020/a@b.png|hdfs://namenode:8020/a@b.png",
        "fs.s3a.secret.key=abc123, next|fs.s3a.secret.key=***, next",
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=ff00&x=1|https://b.s3.amazonaws.com/k?X-Amz-Signature=***&x=1",
        "key AKIAIOSFODNN7EXAMPLE refused|key *** refused",
        "change the secret garden|change the secret garden"
      })
  void hidesWhatLooksLikeASecretAndNothingElse(String text, String expected) {
    assertEquals(expected, Redaction.ofPatterns().apply(text));
  }

  @Test
  void hidesConfiguredSecretsEverywhere() {
    Redaction redaction =
        Redaction.ofSettings(
            Map.of(
                    "fs.s3a.secret.key", "wJalrXUtnFEMI",
                    "fs.s3a.endpoint", "http://localhost",
                    "fs.s3a.access.key", "short")
                .entrySet());
    assertEquals(
        "denied *** at http://localhost, short",
        redaction.apply("denied wJalrXUtnFEMI at http://localhost, short"));
  }

  @Test
  void keepsNull() {
    assertNull(Redaction.ofPatterns().apply(null));
  }

  @Test
  void recognisesSecretSettingsByName() {
    assertTrue(Redaction.isSecret("fs.s3a.bucket.data.secret.key"));
    assertTrue(Redaction.isSecret("fs.s3a.session.token"));
    assertTrue(Redaction.isSecret("fs.azure.account.key.x.blob.core.windows.net"));
    assertFalse(Redaction.isSecret("fs.s3a.aws.credentials.provider"));
    assertFalse(Redaction.isSecret("fs.s3a.endpoint"));
  }
}
