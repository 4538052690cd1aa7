// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.io.IOException;
import java.util.List;

/**
 * What is done to the files of a configuration folder: step by step, so that a test can have each
 * step fail. Names have been checked.
 */
interface ConfigFiles {
  /** Of the folders in it; empty where it does not exist. */
  List<String> folders() throws IOException;

  /** Of the files in one of its folders, links not among them. */
  List<String> files(String folder) throws IOException;

  byte[] read(String folder, String file) throws IOException;

  /** Makes the folder, where it is not there; whether it was not. */
  boolean make(String folder) throws IOException;

  /** A file in the configuration folder itself, which must not be there yet. */
  Temporary create(String name) throws IOException;

  /** Moves a temporary file, in one step, over the file that may be there. */
  void move(String temporary, String folder, String file) throws IOException;

  /** Removes a temporary file. */
  void discard(String temporary) throws IOException;

  void delete(String folder, String file) throws IOException;

  /** Returns when what was done in the folder is on the disk. */
  void force(String folder) throws IOException;

  /** Returns when the names of the folders are on the disk. */
  void forceFolders() throws IOException;

  /** A file that is being written. */
  interface Temporary extends AutoCloseable {
    void write(byte[] content) throws IOException;

    /** Returns when the content is on the disk. */
    void force() throws IOException;

    @Override
    void close() throws IOException;
  }
}
