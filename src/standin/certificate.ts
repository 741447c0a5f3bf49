import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** A certificate with its private key, both PEM: made here, so that no program beside Node is needed. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly name: string;
}

export interface CertificateOptions {
  /** Common name. */
  readonly name: string;
  /** Subject alternative names: host names and IPv4 addresses. */
  readonly hosts?: readonly string[];
  /** Who signs; itself when left out. */
  readonly issuer?: Certificate;
  readonly ca?: boolean;
  /** Extended key usages; without, the certificate is for everything. */
  readonly keyUsages?: readonly (keyof typeof USAGES)[];
  /** Validity, ms since the epoch. Default: from a day ago to a day ahead. */
  readonly from?: number;
  readonly to?: number;
}

const DAY = 86_400_000;
// id-kp-serverAuth and id-kp-clientAuth (RFC 5280, 4.2.1.12).
const USAGES = { server: '2b06010505070301', client: '2b06010505070302' } as const;

/** An X.509 v3 certificate (RFC 5280) for an EC P-256 key, signed with ECDSA and SHA-256. */
export function makeCertificate(options: CertificateOptions): Certificate {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer: KeyObject = options.issuer === undefined ? pair.privateKey : createPrivateKey(options.issuer.key);
  const algorithm = der(0x30, oid('2a8648ce3d040302'));
  const extensions = [
    extension('551d13', der(0x30, options.ca === true ? der(0x01, Buffer.from([0xff])) : Buffer.alloc(0))),
    ...(options.keyUsages === undefined
      ? []
      : [extension('551d25', der(0x30, ...options.keyUsages.map((usage) => oid(USAGES[usage]))))]),
    ...(options.hosts === undefined ? [] : [extension('551d11', der(0x30, ...options.hosts.map(generalName)))]),
  ];
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(options.issuer?.name ?? options.name),
    der(0x30, time(options.from ?? Date.now() - DAY), time(options.to ?? Date.now() + DAY)),
    distinguishedName(options.name),
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]);
  const whole = der(0x30, body, algorithm, der(0x03, signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    name: options.name,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([tag, ...header]), content]);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function distinguishedName(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(commonName)))));
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return der(0x18, Buffer.from(`${text}Z`));
}

function generalName(host: string): Buffer {
  const address = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  return address === null ? der(0x82, Buffer.from(host)) : der(0x87, Buffer.from(address.slice(1).map(Number)));
}

function extension(id: string, value: Buffer): Buffer {
  return der(0x30, oid(id), der(0x04, value));
}
