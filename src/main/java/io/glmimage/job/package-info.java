/**
 * The command line: one command per class, groups of options as mixins, the Spark session, progress
 * on the console, exit codes. It turns options into the option records of the other packages and
 * calls them. Only this package reads environment variables and system properties, apart from the
 * exceptions in {@code PackageRules}. No package uses it. Work on rows, results or the model does
 * not belong here.
 */
package io.glmimage.job;
