// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A configuration folder on the disk. Every step goes from the open folder, name by name, and
 * follows no link: whoever may write in the folder cannot lead it elsewhere, not even in a race.
 */
final class ConfigFolder implements ConfigFiles {
  /** A definition is a few hundred bytes. */
  private static final int LARGEST = 1 << 20;

  private final Path root;

  ConfigFolder(Path root) {
    this.root = root;
  }

  /** To be closed by the caller. */
  @SuppressWarnings("StreamResourceLeak")
  private SecureDirectoryStream<Path> open() throws IOException {
    DirectoryStream<Path> folder = Files.newDirectoryStream(root);
    if (folder instanceof SecureDirectoryStream<Path> secure) {
      return secure;
    }
    folder.close();
    throw new IOException("the file system of " + root + " cannot be used without following links");
  }

  private static SecureDirectoryStream<Path> open(SecureDirectoryStream<Path> in, String folder)
      throws IOException {
    return in.newDirectoryStream(Path.of(folder), LinkOption.NOFOLLOW_LINKS);
  }

  private static List<String> names(SecureDirectoryStream<Path> folder, boolean folders)
      throws IOException {
    List<String> names = new ArrayList<>();
    for (Path path : folder) {
      Path name = path.getFileName();
      BasicFileAttributes attributes;
      try {
        attributes =
            folder
                .getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                .readAttributes();
      } catch (NoSuchFileException e) {
        continue;
      }
      if (folders ? attributes.isDirectory() : attributes.isRegularFile()) {
        names.add(name.toString());
      }
    }
    Collections.sort(names);
    return names;
  }

  @Override
  public List<String> folders() throws IOException {
    try (SecureDirectoryStream<Path> folder = open()) {
      return names(folder, true);
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  @Override
  public List<String> files(String folder) throws IOException {
    try (SecureDirectoryStream<Path> top = open();
        SecureDirectoryStream<Path> below = open(top, folder)) {
      return names(below, false);
    }
  }

  @Override
  public byte[] read(String folder, String file) throws IOException {
    Set<OpenOption> options = Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    try (SecureDirectoryStream<Path> top = open();
        SecureDirectoryStream<Path> below = open(top, folder);
        SeekableByteChannel channel = below.newByteChannel(Path.of(file), options)) {
      if (channel.size() > LARGEST) {
        throw new IOException(file + " has " + channel.size() + " bytes, more than " + LARGEST);
      }
      ByteBuffer content = ByteBuffer.allocate((int) channel.size());
      while (content.hasRemaining() && channel.read(content) >= 0) {
        // Until all is there.
      }
      byte[] bytes = new byte[content.position()];
      content.get(0, bytes);
      return bytes;
    }
  }

  @Override
  public boolean make(String folder) throws IOException {
    Files.createDirectories(root);
    try {
      Files.createDirectory(root.resolve(folder));
      return true;
    } catch (FileAlreadyExistsException e) {
      // It has to be a folder, and no link to one.
      try (SecureDirectoryStream<Path> top = open()) {
        open(top, folder).close();
      }
      return false;
    }
  }

  @Override
  public Temporary create(String name) throws IOException {
    Set<OpenOption> options =
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
    try (SecureDirectoryStream<Path> top = open()) {
      SeekableByteChannel channel =
          top.newByteChannel(
              Path.of(name),
              options,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--")));
      return new WrittenFile((FileChannel) channel);
    }
  }

  private static final class WrittenFile implements Temporary {
    private final FileChannel channel;

    WrittenFile(FileChannel channel) {
      this.channel = channel;
    }

    @Override
    public void write(byte[] content) throws IOException {
      ByteBuffer left = ByteBuffer.wrap(content);
      while (left.hasRemaining()) {
        channel.write(left);
      }
    }

    @Override
    public void force() throws IOException {
      channel.force(true);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  @Override
  public void move(String temporary, String folder, String file) throws IOException {
    try (SecureDirectoryStream<Path> top = open();
        SecureDirectoryStream<Path> below = open(top, folder)) {
      top.move(Path.of(temporary), below, Path.of(file));
    }
  }

  @Override
  public void discard(String temporary) throws IOException {
    try (SecureDirectoryStream<Path> top = open()) {
      top.deleteFile(Path.of(temporary));
    }
  }

  @Override
  public void delete(String folder, String file) throws IOException {
    try (SecureDirectoryStream<Path> top = open();
        SecureDirectoryStream<Path> below = open(top, folder)) {
      below.deleteFile(Path.of(file));
    }
  }

  @Override
  public void force(String folder) throws IOException {
    force(root.resolve(folder), LinkOption.NOFOLLOW_LINKS);
  }

  /** The configuration folder may be new as well. */
  @Override
  public void forceFolders() throws IOException {
    force(root);
    Path above = root.toAbsolutePath().getParent();
    if (above != null) {
      force(above);
    }
  }

  private static void force(Path folder, OpenOption... options) throws IOException {
    Set<OpenOption> all = new HashSet<>(List.of(options));
    all.add(StandardOpenOption.READ);
    try (FileChannel channel = FileChannel.open(folder, all)) {
      channel.force(true);
    }
  }

  @Override
  public String toString() {
    return root.toString();
  }
}
