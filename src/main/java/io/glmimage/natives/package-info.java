/**
 * Loading of native libraries through JavaCPP, for every package that uses one: its settings, its
 * cache folder, and a lock between the processes of a host. Knows nothing of any particular
 * library, except the switches of DJL, which unpacks its own.
 */
package io.glmimage.natives;
