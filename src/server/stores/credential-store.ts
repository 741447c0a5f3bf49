/** What a store hands out. Every text in here may be a secret. */
export type Issued =
  | {
      readonly kind: 'credentials';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
      /** In ms since the epoch. */
      readonly expiresAt?: number;
    }
  /** A secret as it is stored, whatever it holds. */
  | { readonly kind: 'secret'; readonly text: string }
  /** A signed-in address of the console; whoever holds it within its life is signed in. */
  | {
      readonly kind: 'login-url';
      readonly url: string;
      readonly expiresAt: number;
      /** When the console session that it opens ends, in ms since the epoch. */
      readonly sessionEndsAt: number;
    }
  | { readonly kind: 'dashboards'; readonly names: readonly string[] }
  | { readonly kind: 'alarms'; readonly inAlarm: readonly string[] };

/** A credential source in its one canonical spelling: `store,id[,version[,stage]]`, parsed. */
export interface CredentialSource {
  readonly store: string;
  readonly id: string;
  readonly version?: string;
  readonly stage?: string;
}

/** One verified and allowed request. */
export interface IssueRequest {
  readonly source: CredentialSource;
  /** What the credentials are for, as the client says and the allow-list permits; '' for none. */
  readonly destination: string;
  /** Who asks: a device's id and name, or `v1` for clients of protocol 1, who have no name. */
  readonly caller: { readonly id: string; readonly name: string };
  /** The caller's address as the server sees it, where it is known. */
  readonly address?: string;
}

/** Where the server takes a secret from. */
export interface CredentialStore {
  /** As in the source string: `secretsmanager`, `sts`, `console`, `vault`, `file`. */
  readonly name: string;
  /**
   * Rejects with STORE_NOT_FOUND (no such secret or role here), STORE_REFUSED (permissions, a wrapped token already
   * opened, a destination that is not allowed), STORE_UNAVAILABLE (with `retryAfterMs` where wished) or
   * STORE_ANSWER_UNREADABLE. Sentences never hold a secret: they go to the audit log.
   */
  issue(request: IssueRequest): Promise<Issued>;
}
