/** AWS credentials, temporary ones with a session token. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When they end, in ms since the epoch, where that is known. */
  readonly expiresAt?: number;
}

/** Where AWS credentials come from. `get` makes a fresh request each time and rejects with an `AppError`. */
export interface CredentialProvider {
  /** For logs and the doctor, for example `auto-id`. */
  readonly name: string;
  get(): Promise<AwsCredentials>;
}
