/** What a device may have. */
export interface AllowRule {
  /** A canonical credential source, `store,id`; a trailing `*` in id stands for any rest. */
  readonly source: string;
  /** A destination, or with a trailing `*` every one that begins so; without it only requests without destination. */
  readonly destination?: string;
}

/** What is set for a device by its operator. */
export interface DevicePolicy {
  readonly allow: readonly AllowRule[];
  /** CIDR ranges it may ask from; empty for anywhere. */
  readonly networks: readonly string[];
  /** Most requests that verify in an hour. */
  readonly requestsPerHour: number;
}

/** An enrolled key; `counter` is the linked counter's state on the server's side. */
export interface EnrolledKey {
  readonly algorithm: 'ed25519' | 'p256';
  /** Raw public key (Ed25519: 32 bytes; P-256: uncompressed point), base64url. */
  readonly publicKey: string;
  readonly fingerprintHint: string;
  readonly enrolledAt: number;
  /** base64url SHA-256 of x of step 0: who repeats the enrolment must know it again. */
  readonly hx0: string;
  readonly counter: { readonly n: number; /** base64url SHA-256 of x. */ readonly hx: string };
  /**
   * Set by `vigil devices resync` after the state was restored: until then, in ms since the epoch, a verified step that is
   * ahead becomes the counter, once; whoever adopts it removes this.
   */
  readonly resyncUntil?: number;
  /** Nonces seen, base64url, with the time after which each can be forgotten, in ms since the epoch. */
  readonly nonces: readonly (readonly [nonce: string, until: number])[];
  /** Start of the current hour's window, in ms since the epoch, and the requests counted in it. */
  readonly window: { readonly startsAt: number; readonly count: number };
  readonly lastSeenAt?: number;
  readonly lastAddress?: string;
}

interface DeviceBase {
  readonly id: string;
  readonly name: string;
  readonly policy: DevicePolicy;
  readonly invitedAt: number;
}

/** The one document of a device in the table `device`, from invitation to its end: every change is one conditional write. */
export type Device = DeviceBase &
  (
    | { readonly status: 'invited'; readonly inviteEndsAt: number }
    | { readonly status: 'active'; readonly key: EnrolledKey }
    | { readonly status: 'locked'; readonly key?: EnrolledKey; readonly reason: LockReason; readonly lockedAt: number }
    | { readonly status: 'revoked'; readonly revokedAt: number }
  );

/** `operator`: by command; `fork`: two copies of one device; `invite-reused`: the same code came with another key. */
export type LockReason = 'operator' | 'fork' | 'invite-reused';
