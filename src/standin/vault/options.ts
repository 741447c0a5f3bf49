/** What the stand-in's Vault is told and what tests can do with it. */
export interface VaultOptions {
  /** Of AppRole, at `auth/approle`. */
  readonly appRoles?: readonly {
    readonly roleId: string;
    readonly secretId: string;
    readonly policy: readonly string[];
  }[];
  /** Of the AWS method, at `auth/aws`: role name → who may take it, by ARN. */
  readonly awsRoles?: Readonly<Record<string, { readonly boundArn: string; readonly policy: readonly string[] }>>;
  /** What the AWS method wants to be called (`X-Vault-AWS-IAM-Server-ID`). */
  readonly serverId?: string;
  /** KV v2 at `secret`: path → versions, oldest first. */
  readonly secrets?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  /** The AWS engine at `aws`: role name → the lease of its credentials, in s. */
  readonly awsEngine?: Readonly<Record<string, { readonly leaseSeconds: number }>>;
  /** Life of tokens in s; default 3600. */
  readonly tokenSeconds?: number;
}

/** A `policy` above is a list of paths that may be read, with `*` at the end for any rest: `secret/data/wall`. */
export interface VaultControl {
  /** All tokens of logins end now. */
  revokeTokens(): void;
  /** From now on, whoever is on the way opens each wrapped answer before it arrives; or wraps one of another path in its place. */
  interfere(how: 'open' | 'swap' | undefined): void;
  sealed(is: boolean): void;
}
