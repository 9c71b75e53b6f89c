/**
 * Loading of native libraries through JavaCPP, for every package that uses one. It has JavaCPP's
 * settings and cache folder, and a lock between the processes of a host. It knows no particular
 * library, except the switches of DJL, which unpacks its own.
 */
package io.glmimage.natives;
