import { X509Certificate } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import * as tls from 'node:tls';
import { AppError } from '../core/errors.ts';
import { FileRefused } from '../core/ports.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';
import { readFileWithin } from './file-store.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Longest CA file, in bytes; the bundles of whole systems have a quarter of it. */
const LONGEST_CA_FILE = 4 * 1024 * 1024;

/**
 * Reads the file of `network.caFile`: PEM text with at least one certificate. Throws SETTINGS_UNREADABLE when the file
 * cannot be read, SETTINGS_INVALID when it holds no readable certificate.
 */
export function readCaFile(path: string): string {
  let pem: string;
  try {
    pem = new TextDecoder().decode(readFileWithin(path, LONGEST_CA_FILE));
  } catch (cause) {
    const why = cause instanceof FileRefused ? `: it ${cause.message}` : '';
    throw new AppError('SETTINGS_UNREADABLE', `The CA file ${path} of network.caFile cannot be read${why}.`, { cause });
  }
  certificatesOf(pem);
  return pem;
}

/** TLS settings that trust `pem` beside everything Node trusts by itself. Throws SETTINGS_INVALID. */
export function secureContextWith(pem: string): tls.SecureContext {
  // Giving `ca` replaces Node's list, so the built-in roots are given again. Built once: parsing them takes a while.
  return tls.createSecureContext({ ca: [...tls.rootCertificates, ...certificatesOf(pem)] });
}

function certificatesOf(pem: string): string[] {
  const found = pem.match(CERTIFICATE) ?? [];
  for (const one of found) {
    try {
      new X509Certificate(one);
    } catch (error) {
      throw new AppError('SETTINGS_INVALID', 'network.caFile holds a certificate that cannot be read.', {
        cause: error,
      });
    }
  }
  if (found.length === 0) {
    throw new AppError('SETTINGS_INVALID', 'network.caFile holds no certificate in PEM form (BEGIN CERTIFICATE).');
  }
  return found;
}

/** Resolves `*.localhost` to loopback as RFC 6761 and browsers do (glibc does not), and everything else as usual. */
export const lookupWithLocalhost: LookupFunction = (hostname, options, callback) => {
  if (!isLoopbackHost(hostname)) {
    systemLookup(hostname, options, callback);
    return;
  }
  const all = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ].filter(({ family }) => wantedFamily(options.family) === 0 || wantedFamily(options.family) === family);
  const first = all[0] ?? { address: '127.0.0.1', family: 4 };
  process.nextTick(() => {
    if (options.all === true) callback(null, all);
    else callback(null, first.address, first.family);
  });
};

function wantedFamily(family: number | string | undefined): number {
  if (family === 'IPv4') return 4;
  if (family === 'IPv6') return 6;
  return typeof family === 'number' ? family : 0;
}
