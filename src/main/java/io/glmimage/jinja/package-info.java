/**
 * An interpreter of Jinja templates, for the chat templates of checkpoints. It follows Jinja2 3.1
 * with the settings of transformers (5.17): sandboxed, {@code trim_blocks}, {@code lstrip_blocks},
 * loop controls. A template reaches its variables, a fixed set of filters, tests, methods and
 * functions, and nothing else: no Java class or method, no file.
 *
 * <p>Where a checkpoint keeps its template, and which variables it gets, is known to {@code
 * ChatTemplate} in {@code model.processor}.
 */
package io.glmimage.jinja;
