import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { AppError, toAppError } from '../core/errors.ts';
import type { FileStore, Logger } from '../core/ports.ts';

const LARGEST = 1024 * 1024;
const EVERY_MS = 10_000;

/** Paths of PEM files: the certificate with its chain, and its private key. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** Both files, if they are one pair. Rejects with SETTINGS_UNREADABLE or SETTINGS_INVALID. */
export async function readPair({ certFile, keyFile }: TlsFiles, files: FileStore): Promise<TlsPair> {
  const pair = { cert: await textOf(certFile, files), key: await textOf(keyFile, files) };
  try {
    createSecureContext(pair);
  } catch {
    // What OpenSSL says may quote the key.
    const sentence = `${certFile} and ${keyFile} are not a certificate and its private key in PEM form.`;
    throw new AppError('SETTINGS_INVALID', sentence);
  }
  return pair;
}

/**
 * Takes a renewed certificate up within seconds, for new connections. A pair that cannot be used, also for the moment in
 * which one file is new and the other is not, leaves the old one in use.
 */
export function watchPair(
  server: Pick<Server, 'setSecureContext'>,
  tls: TlsFiles,
  files: FileStore,
  logger: Logger,
  everyMs = EVERY_MS,
): { stop(): void } {
  let seen: string | undefined;
  let used: TlsPair | undefined;
  let told = '';
  async function look(): Promise<void> {
    const stamps = await Promise.all([tls.certFile, tls.keyFile].map((file) => files.stamp(file).catch(() => 'none')));
    const stamp = stamps.join(' ');
    if (stamp === seen) return;
    try {
      const pair = await readPair(tls, files);
      if (pair.cert !== used?.cert || pair.key !== used.key) {
        server.setSecureContext(pair);
        if (used !== undefined) logger.log('info', 'server.certificate-renewed', { file: tls.certFile });
      }
      [seen, used, told] = [stamp, pair, ''];
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      if (told !== message) logger.log('error', 'server.certificate-unusable', { code, sentence: message });
      told = message;
    }
  }
  let looking: Promise<void> | undefined;
  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = undefined));
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

async function textOf(path: string, files: FileStore): Promise<string> {
  const bytes = await files.read(path, LARGEST).catch((cause: unknown) => {
    throw new AppError('SETTINGS_UNREADABLE', `The file ${path} cannot be read: check its permissions.`, { cause });
  });
  if (bytes === undefined)
    throw new AppError('SETTINGS_UNREADABLE', `There is no file ${path}: check --tls-cert and --tls-key.`);
  return new TextDecoder().decode(bytes);
}
