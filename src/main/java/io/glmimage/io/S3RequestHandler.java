package io.glmimage.io;

import com.amazonaws.Request;
import com.amazonaws.handlers.RequestHandler2;

/** Sets content types. Version 1 of the AWS SDK calls it before it signs a request. */
public final class S3RequestHandler extends RequestHandler2 {
  @Override
  public void beforeRequest(Request<?> request) {
    String type =
        S3ContentTypes.of(
            request.getHttpMethod().name(),
            request.getResourcePath(),
            request.getParameters().keySet());
    if (type != null) {
      request.addHeader("Content-Type", type);
    }
  }
}
