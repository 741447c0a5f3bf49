/**
 * Where a server's keys live: one document, the ring, which says what there is and how far a rotation has come, and
 * secrets by name. Everything that must change together is in the ring; a secret is written whole before the ring names
 * it, and destroyed after the ring has forgotten it. A bucket with a KMS key can be one, as a directory is.
 *
 * Rejects with KEYS_UNREADABLE or KEYS_UNAVAILABLE, and with what the sealing key's place rejects with.
 */
export interface KeyVault {
  /** For sentences: `the folder /var/lib/vigil/keys`. */
  readonly name: string;
  /** The version of the ring that stands; 0 for none. Cheap: it is asked every few seconds. */
  version(): Promise<number>;
  /** The ring that stands, as JSON text. */
  readRing(): Promise<{ readonly version: number; readonly text: string } | undefined>;
  /** Puts another in its place if it still is `ifVersion` (0: if there is none), durably; false when somebody was first. */
  writeRing(text: string, ifVersion: number): Promise<boolean>;
  /** Keeps a secret under a new name. */
  writeSecret(name: string, secret: Uint8Array): Promise<void>;
  /** A secret, or undefined where there is none of that name. KEYS_INVALID where it cannot be opened. */
  readSecret(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Destroys a secret, every copy of it that the vault has; nothing happens where there is none. */
  destroySecret(name: string): Promise<void>;
  /** Destroys what was left behind by processes that died: secrets that are not among the named ones, an hour old. */
  sweep(named: ReadonlySet<string>): Promise<void>;
}
