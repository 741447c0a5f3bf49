/** How a Vault (or OpenBao) is reached and signed in to. */
export interface VaultSettings {
  /** `https://vault.example.com:8200`; http on this machine only. */
  readonly address: string;
  readonly namespace?: string;
  readonly auth: VaultAuth;
  /** Mounts that may be read, by their paths: `{ secret: 'kv', aws: 'aws' }`. */
  readonly mounts: Readonly<Record<string, 'kv' | 'aws'>>;
  /** Have answers wrapped for so many seconds, so that one that somebody read on the way shows. */
  readonly wrapSeconds?: number;
  /** For each call, in ms. */
  readonly timeoutMs: number;
}

export type VaultAuth =
  | {
      readonly kind: 'approle';
      /** Default `approle`. */
      readonly mount?: string;
      readonly roleId: string;
      /** Asked for with each login, and never kept: it may lie in an owner-only file. */
      readonly secretId: () => Promise<string>;
    }
  | {
      readonly kind: 'aws';
      /** Default `aws`. */
      readonly mount?: string;
      readonly role: string;
      /** `X-Vault-AWS-IAM-Server-ID`, where the mount asks for one: then a login meant for one Vault is no good at another. */
      readonly serverId?: string;
    };
