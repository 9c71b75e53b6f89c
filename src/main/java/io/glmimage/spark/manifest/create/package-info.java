/**
 * Creating a manifest from a folder of images and a list of prompts. Nothing here reads a manifest.
 */
package io.glmimage.spark.manifest.create;
