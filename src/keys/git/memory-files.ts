import type { PromiseFsClient } from 'isomorphic-git';

/** What the library looks for in a refusal of a file system. */
class FileError extends Error {
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

type Node = { readonly bytes: Uint8Array } | 'folder';

/**
 * Files in memory, with as much of a file system as git needs: what is fetched is never written to a disk, and is gone
 * when nobody holds this any more.
 */
export function memoryFiles(): PromiseFsClient {
  const nodes = new Map<string, Node>([['/', 'folder']]);
  const plain = (path: string): string =>
    `/${path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/')}`;
  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

  function found(path: string): Node {
    const node = nodes.get(plain(path));
    if (node === undefined) throw new FileError('ENOENT', path);
    return node;
  }

  function childrenOf(path: string): string[] {
    const prefix = plain(path) === '/' ? '/' : `${plain(path)}/`;
    return [...nodes.keys()].flatMap((one) => {
      const rest = one.startsWith(prefix) ? one.slice(prefix.length) : '';
      return rest === '' || rest.includes('/') ? [] : [rest];
    });
  }

  function statsOf(path: string) {
    const node = found(path);
    const isFolder = node === 'folder';
    return {
      isFile: () => !isFolder,
      isDirectory: () => isFolder,
      isSymbolicLink: () => false,
      size: isFolder ? 0 : node.bytes.length,
      mode: isFolder ? 0o40755 : 0o100644,
      mtimeMs: 0,
      ctimeMs: 0,
      ino: 0,
      uid: 0,
      gid: 0,
      dev: 0,
    };
  }

  /** Whatever throws becomes a rejection. */
  const later =
    <Args extends readonly unknown[], T>(work: (...args: Args) => T) =>
    (...args: Args): Promise<T> =>
      Promise.resolve().then(() => work(...args));

  return {
    promises: {
      readFile: later((path: string, options?: string | { readonly encoding?: string }) => {
        const node = found(path);
        if (node === 'folder') throw new FileError('EISDIR', path);
        const encoding = typeof options === 'string' ? options : options?.encoding;
        return encoding === 'utf8' ? new TextDecoder().decode(node.bytes) : node.bytes;
      }),
      writeFile: later((path: string, content: string | Uint8Array) => {
        if (nodes.get(parentOf(plain(path))) !== 'folder') throw new FileError('ENOENT', path);
        const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
        nodes.set(plain(path), { bytes });
      }),
      unlink: later((path: string) => {
        found(path);
        nodes.delete(plain(path));
      }),
      readdir: later((path: string) => {
        if (found(path) !== 'folder') throw new FileError('ENOTDIR', path);
        return childrenOf(path);
      }),
      mkdir: later((path: string) => {
        if (nodes.has(plain(path))) throw new FileError('EEXIST', path);
        if (nodes.get(parentOf(plain(path))) !== 'folder') throw new FileError('ENOENT', path);
        nodes.set(plain(path), 'folder');
      }),
      rmdir: later((path: string) => {
        found(path);
        if (childrenOf(path).length > 0) throw new FileError('ENOTEMPTY', path);
        nodes.delete(plain(path));
      }),
      stat: later(statsOf),
      lstat: later(statsOf),
      readlink: later((path: string) => {
        throw new FileError('EINVAL', path);
      }),
      symlink: later((_target: string, path: string) => {
        throw new FileError('EPERM', path);
      }),
    },
  };
}
