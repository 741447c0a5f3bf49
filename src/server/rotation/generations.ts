/** Keys of protocol 2 of one generation, as the server holds them. The private key and the entropy are secrets. */
export interface GenerationV2 {
  readonly generation: number;
  /** X25519, raw 32 bytes each. */
  readonly privateKey: Uint8Array<ArrayBuffer>;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly entropy: Uint8Array<ArrayBuffer>;
  /** Clients take no key set that has ended, ms since the epoch. */
  readonly notAfter: number;
  /** The signed manifest's exact bytes and its detached signature, as published. */
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Keys of protocol 1 of one generation. */
export interface GenerationV1 {
  readonly generation: number;
  /** RSA private key, PKCS#8 PEM. A secret. */
  readonly privateKeyPem: string;
  /** SPKI PEM. */
  readonly publicKeyPem: string;
  /** Text of info2048.bin. A secret. */
  readonly entropy: string;
}

/**
 * What the server verifies with now: the current generation first, then every other that is accepted: one that is being
 * published and not current yet, and those whose overlap has not ended. Read anew when `version` changes, so that a
 * rotation by another process is taken up within seconds.
 *
 * A proof of protocol 1 may be by the entropy of any of them, whichever private key opened it: a place of two files that
 * is read between two writes holds the halves of two generations.
 */
export interface ServerKeys {
  readonly serverId: string;
  /** The root's raw Ed25519 public key, which devices pin. */
  readonly root: Uint8Array<ArrayBuffer>;
  readonly v2: readonly GenerationV2[];
  readonly v1: readonly GenerationV1[];
  /** Opaque; another one whenever anything above is another. */
  readonly version: string;
}

/** Where the server reads its keys. */
export interface ServerKeySource {
  /**
   * The same object for as long as nothing has changed. Cheap then: it may be asked every few seconds. Rejects with KEYS_*
   * codes as the clients' sources do.
   */
  read(): Promise<ServerKeys>;
}
