package io.glmimage.io;

import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.SdkHttpRequest;

/** Sets content types. Version 2 of the AWS SDK calls it before it signs a request. */
public final class S3ExecutionInterceptor implements ExecutionInterceptor {
  @Override
  public SdkHttpRequest modifyHttpRequest(
      Context.ModifyHttpRequest context, ExecutionAttributes attributes) {
    SdkHttpRequest request = context.httpRequest();
    String type =
        S3ContentTypes.of(
            request.method().name(), request.encodedPath(), request.rawQueryParameters().keySet());
    return type == null ? request : request.toBuilder().putHeader("Content-Type", type).build();
  }
}
