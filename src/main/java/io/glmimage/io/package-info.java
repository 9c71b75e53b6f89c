/** Files on any Hadoop file system, and the removal of secrets from texts. */
package io.glmimage.io;
