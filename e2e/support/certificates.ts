import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, type CertificateOptions, makeCertificate } from '../../src/standin/certificate.ts';
import type { Folders } from './folders.ts';

export type { Certificate };

const DAY = 86_400_000;

/** Hosts of the browser's side and of AWS's endpoints, under AWS's own names and under those of this machine. */
export const EVERY_HOST = [
  '127.0.0.1',
  ...['localhost', 'aws.amazon.com'].flatMap((domain) =>
    ['signin', 'console'].flatMap((name) => [`${name}.${domain}`, `*.${name}.${domain}`]),
  ),
  '*.eu-west-1.amazonaws.com',
  '*.example.com',
];

/** An authority that this machine does not know. */
export class Authority {
  readonly #root: Certificate;

  constructor(name: string) {
    this.#root = makeCertificate({ name, ca: true });
  }

  /** A certificate of it, for all hosts unless told otherwise. */
  leaf(options: Partial<CertificateOptions> = {}): Certificate {
    return makeCertificate({ name: 'services', hosts: EVERY_HOST, issuer: this.#root, ...options });
  }

  /** Writes what `network.caFile` wants, and gives its path. */
  caFile({ root }: Folders): string {
    const file = join(root, 'authority.pem');
    writeFileSync(file, this.#root.cert);
    return file;
  }
}

/** Certificates that a wall must not take, although all of them are for the right hosts but one. @param trusted whom the wall trusts */
export function badCertificates(trusted: Authority): Readonly<Record<string, Certificate>> {
  return {
    'of another authority': new Authority('Another authority').leaf(),
    'self-signed': makeCertificate({ name: 'services', hosts: EVERY_HOST }),
    expired: trusted.leaf({ from: Date.now() - 2 * DAY, to: Date.now() - DAY }),
    'for another host': trusted.leaf({ hosts: ['elsewhere.example.org'] }),
  };
}
