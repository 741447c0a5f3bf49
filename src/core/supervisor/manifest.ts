/** What a version's folder must hold, to the byte: the manifest that is signed. */
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { isVersion } from './version.ts';

/** Names of the manifest and of its signature in a version's folder. */
export const MANIFEST_FILE = 'manifest.json';
export const SIGNATURE_FILE = 'manifest.json.sig';
/** No manifest is longer, in bytes. */
export const LONGEST_MANIFEST = 4 * 1024 * 1024;

const MOST_FILES = 20_000;
const LARGEST_FILE = 4 * 1024 ** 3;

const path = z.string().check((context) => {
  const flaw = flawOfPath(context.value);
  if (flaw !== undefined) context.issues.push({ code: 'custom', message: flaw, input: context.value });
});

const manifestSchema = z.strictObject({
  /** Raised when an older supervisor could misread what a newer one writes. */
  format: z.literal(1),
  version: z.string().refine(isVersion, 'is no version number such as 1.2.3'),
  /** System and processor as Node names them: `linux-x64`, `win32-x64`, `darwin-arm64`. */
  platform: z.string().regex(/^[a-z0-9]{1,20}-[a-z0-9]{1,20}$/, 'is no platform such as linux-x64'),
  /** The file that is started; one of `files`. */
  executable: path,
  files: z
    .array(
      z.strictObject({
        path,
        /** Bytes. */
        size: z.int().min(0).max(LARGEST_FILE),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal digits'),
        /** It may be run. */
        executable: z.literal(true).optional(),
      }),
    )
    .min(1)
    .max(MOST_FILES),
  /** Symbolic links, which macOS's bundles have; each leads to something inside the folder. */
  links: z.array(z.strictObject({ path, target: z.string().min(1).max(1024) })).max(MOST_FILES),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = Manifest['files'][number];

/** The manifest in a text. Throws SUPERVISE_MANIFEST_INVALID. */
export function readManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is no JSON', cause);
  }
  const { success, data, error } = manifestSchema.safeParse(value);
  if (!success) {
    const [issue] = error.issues;
    throw invalid(`${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'wrong'}`, error);
  }
  const flaw = flawOf(data);
  if (flaw !== undefined) throw invalid(flaw);
  return data;
}

function invalid(flaw: string, cause?: unknown): AppError {
  const sentence = `The version's manifest is not one that this supervisor understands (${flaw.slice(0, 200)}).`;
  return new AppError('SUPERVISE_MANIFEST_INVALID', sentence, { cause });
}

/** What is wrong with the manifest as a whole. */
function flawOf({ files, links, executable }: Manifest): string | undefined {
  const seen = new Map<string, string>();
  for (const { path } of [...files, ...links]) {
    const folded = fold(path);
    if (seen.has(folded)) return `${JSON.stringify(path)} is there twice`;
    seen.set(folded, path);
  }
  for (const own of [MANIFEST_FILE, SIGNATURE_FILE]) if (seen.has(own)) return `${own} cannot name itself`;
  for (const { path } of [...files, ...links]) {
    const parents = parentsOf(path).map(fold);
    if (parents.some((parent) => seen.has(parent))) return `${JSON.stringify(path)} lies in what is no folder`;
  }
  for (const { path, target } of links) {
    if (resolveLink(path, target) === undefined) return `the link ${JSON.stringify(path)} leaves the folder`;
  }
  const started = files.find((file) => file.path === executable);
  if (started === undefined) return 'the executable is not among its files';
  return started.executable ? undefined : 'the executable may not be run';
}

/** Names that Windows or macOS take for the same are the same everywhere. */
function fold(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * Why a path is not taken; undefined for a plain relative one, with `/` between its parts, that means the same file on every
 * system and lies in the folder.
 */
export function flawOfPath(path: string): string | undefined {
  if (path.length === 0 || path.length > 500) return 'is empty or longer than 500 characters';
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'is no plain relative path';
    // eslint-disable-next-line no-control-regex -- they are what it is about
    if (/[\\:*?"<>|\u0000-\u001f\u007f]/.test(part) || /[. ]$/.test(part) || DEVICES.test(part)) {
      return 'has a name in it that not every system can have';
    }
  }
  return undefined;
}

/** Where a link at `path` leads, as a path in the folder (empty for the folder itself); undefined if it leaves it. */
export function resolveLink(path: string, target: string): string | undefined {
  if (target.startsWith('/') || target.split('/').some((part) => /[\\:]/.test(part))) return undefined;
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join('/');
}
