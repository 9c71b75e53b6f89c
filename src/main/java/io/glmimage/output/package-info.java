/**
 * What a job leaves behind: pictures, the result table's columns, the report, the contact sheet.
 */
package io.glmimage.output;
