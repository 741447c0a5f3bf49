// Reading the two archive formats that the runtime arrives in, with nothing but Node:
// bootstrap runs before any dependency is installed.
import { mkdir, open } from 'node:fs/promises';
import { createReadStream, createWriteStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createInflateRaw } from 'node:zlib';

const TAR_BLOCK = 512;

/**
 * Writes chosen members of a `.tgz` to disk in one pass, and hashes the whole archive on the way. The members are only
 * to be trusted after this returns: it rejects when the digest differs.
 *
 * @param {string} file the archive
 * @param {string} integrity the expected digest in npm's form, `sha512-<base64>`
 * @param {(name: string) => string | undefined} target where a member goes; `undefined` skips it
 * @returns {Promise<void>}
 * @throws {Error} if the digest differs, or the archive ends within a member
 */
export async function extractTgz(file, integrity, target) {
  const [algorithm, expected] = splitIntegrity(integrity);
  const hash = createHash(algorithm);
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  source.on('data', (chunk) => hash.update(chunk));
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  const unpacked = pipeline(source, gunzip);
  // The reader below fails first on a damaged archive; this keeps that from also being an unhandled rejection.
  unpacked.catch(() => {});
  try {
    await readTar(gunzip, target);
  } finally {
    await unpacked;
  }
  const actual = hash.digest('base64');
  if (actual !== expected) throw new Error(`integrity of ${file}: expected ${algorithm}-${expected}, got ${actual}`);
}

/** @param {string} integrity */
function splitIntegrity(integrity) {
  const dash = integrity.indexOf('-');
  return [integrity.slice(0, dash), integrity.slice(dash + 1)];
}

/**
 * @param {AsyncIterable<Buffer>} stream
 * @param {(name: string) => string | undefined} target
 */
async function readTar(stream, target) {
  /** @type {Buffer} */ let rest = Buffer.alloc(0);
  /** @type {{ left: number, padding: number, out?: import('node:fs').WriteStream } | undefined} */
  let member;
  for await (const chunk of stream) {
    let data = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    rest = Buffer.alloc(0);
    while (data.length) {
      if (!member) {
        if (data.length < TAR_BLOCK) {
          rest = data;
          break;
        }
        member = await startMember(data.subarray(0, TAR_BLOCK), target);
        data = data.subarray(TAR_BLOCK);
      } else if (member.left > 0) {
        const part = data.subarray(0, member.left);
        if (member.out && !member.out.write(part)) await once(member.out, 'drain');
        member.left -= part.length;
        data = data.subarray(part.length);
      } else {
        const skipped = Math.min(member.padding, data.length);
        member.padding -= skipped;
        data = data.subarray(skipped);
      }
      if (member && member.left === 0 && member.out) {
        await endOf(member.out);
        member.out = undefined;
      }
      if (member && member.left === 0 && member.padding === 0) member = undefined;
    }
  }
  if (member?.left) throw new Error('the archive ends within a member');
}

/**
 * @param {Buffer} header
 * @param {(name: string) => string | undefined} target
 */
async function startMember(header, target) {
  if (header[0] === 0) return undefined;
  const text = (/** @type {number} */ from, /** @type {number} */ to) =>
    header.subarray(from, to).toString('utf8').split('\0')[0];
  const size = Number.parseInt(text(124, 136).trim() || '0', 8);
  const prefix = text(345, 500);
  const name = prefix ? `${prefix}/${text(0, 100)}` : text(0, 100);
  const isFile = header[156] === 0x30 || header[156] === 0;
  const path = isFile ? target(name) : undefined;
  if (path) await mkdir(dirname(path), { recursive: true });
  const out = path ? createWriteStream(path, { highWaterMark: 4 << 20 }) : undefined;
  return { left: size, padding: (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK, out };
}

/** @param {import('node:stream').Writable} stream @param {string} event */
function once(stream, event) {
  return new Promise((resolve, reject) => {
    stream.once(event, resolve);
    stream.once('error', reject);
  });
}

/** @param {import('node:stream').Writable} stream */
function endOf(stream) {
  const done = once(stream, 'finish');
  stream.end();
  return done;
}

/**
 * Unpacks chosen entries of a zip file (stored or deflated, no zip64), keeping the executable bits.
 *
 * @param {string} file the archive
 * @param {(name: string) => string | undefined} target where an entry goes; `undefined` skips it
 * @returns {Promise<number>} how many files were written
 * @throws {Error} on an entry that this reader does not know, or a name that climbs out of the folder
 */
export async function extractZip(file, target) {
  const handle = await open(file, 'r');
  let count = 0;
  try {
    for (const entry of await readCentralDirectory(handle)) {
      if (entry.name.endsWith('/')) continue;
      if (posix.normalize(entry.name).startsWith('..') || posix.isAbsolute(entry.name))
        throw new Error(`unsafe name in ${file}: ${entry.name}`);
      const path = target(entry.name);
      if (!path) continue;
      await mkdir(dirname(path), { recursive: true });
      await writeEntry(file, handle, entry, path);
      count++;
    }
  } finally {
    await handle.close();
  }
  return count;
}

/**
 * @typedef {{ name: string, method: number, size: number, packed: number, offset: number, mode: number }} ZipEntry
 * @param {import('node:fs/promises').FileHandle} handle
 * @returns {Promise<ZipEntry[]>}
 */
async function readCentralDirectory(handle) {
  const { size } = await handle.stat();
  const tail = await readAt(handle, Math.max(0, size - 65_557), Math.min(size, 65_557));
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('not a zip file');
  const count = tail.readUInt16LE(end + 10);
  const start = tail.readUInt32LE(end + 16);
  if (count === 0xffff || start === 0xffffffff) throw new Error('zip64 is not supported');
  const directory = await readAt(handle, start, tail.readUInt32LE(end + 12));
  const entries = [];
  for (let i = 0, at = 0; i < count; i++) {
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      method: directory.readUInt16LE(at + 10),
      packed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      mode: (directory.readUInt32LE(at + 38) >>> 16) & 0o777,
      offset: directory.readUInt32LE(at + 42),
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/**
 * @param {string} file
 * @param {import('node:fs/promises').FileHandle} handle
 * @param {ZipEntry} entry
 * @param {string} path
 */
async function writeEntry(file, handle, entry, path) {
  const local = await readAt(handle, entry.offset, 30);
  const start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  const out = createWriteStream(path, { mode: entry.mode || 0o644 });
  if (entry.packed === 0) return endOf(out);
  const raw = createReadStream(file, { start, end: start + entry.packed - 1, highWaterMark: 1 << 20 });
  if (entry.method === 0) await pipeline(raw, out);
  else if (entry.method === 8) await pipeline(raw, createInflateRaw({ chunkSize: 1 << 20 }), out);
  else throw new Error(`${entry.name}: compression method ${entry.method} is not supported`);
}

/**
 * @param {import('node:fs/promises').FileHandle} handle
 * @param {number} position
 * @param {number} length
 */
async function readAt(handle, position, length) {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead < length) throw new Error('the zip file is cut short');
  return buffer;
}
