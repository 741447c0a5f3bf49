import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { stsEndpointOf } from '../../../aws/partitions.ts';
import { SDK_CLIENT_OPTIONS, type SdkRequest, type SdkRequestHandler } from '../../../keys/sdk-request-handler.ts';
import type { AwsAccess } from '../ports.ts';
import type { VaultAuth } from './settings.ts';

export interface VaultLogin {
  readonly path: string;
  readonly body: unknown;
}

/** What a login sends (Vault API: AppRole, "Login with AppRole"; AWS, "Login" by the iam method). */
export async function vaultLogin(auth: VaultAuth, aws: AwsAccess | undefined): Promise<VaultLogin> {
  const { kind, mount = kind } = auth;
  const path = `auth/${mount}/login`;
  if (auth.kind === 'approle') return { path, body: { role_id: auth.roleId, secret_id: await auth.secretId() } };
  if (aws === undefined) throw new Error('AWS auth needs credentials');
  const { method, url, headers, body } = await signedCallerIdentity(aws, auth.serverId);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    path,
    body: {
      role: auth.role,
      iam_http_request_method: method,
      iam_request_url: base64(new URL(url).href),
      iam_request_body: base64(body),
      iam_request_headers: base64(
        JSON.stringify(Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, [v]]))),
      ),
    },
  };
}

/** A GetCallerIdentity that the SDK signs and nobody sends but Vault: it proves who this server is, for some minutes. */
async function signedCallerIdentity(aws: AwsAccess, serverId: string | undefined): Promise<SignedRequest> {
  const { accessKeyId, secretAccessKey, sessionToken } = await aws.credentials();
  const endpoint = aws.endpoints.sts ?? aws.endpoints.all ?? stsEndpointOf(aws.region);
  let signed: SdkRequest | undefined;
  const keeping: SdkRequestHandler = {
    metadata: { handlerProtocol: 'http/1.1' },
    handle(request) {
      signed = request;
      return Promise.reject(new Error('signed, and not sent'));
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    destroy: () => undefined,
  };
  const client = new STSClient({
    region: aws.region,
    endpoint,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    requestHandler: keeping,
    ...SDK_CLIENT_OPTIONS,
  });
  if (serverId !== undefined) {
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string> };
        request.headers['x-vault-aws-iam-server-id'] = serverId;
        return next(args);
      },
      { step: 'build', name: 'vaultServerId' },
    );
  }
  await client.send(new GetCallerIdentityCommand({})).catch(() => undefined);
  client.destroy();
  if (typeof signed?.body !== 'string') throw new Error('the SDK signed no request');
  return { method: signed.method, url: endpoint, headers: signed.headers, body: signed.body };
}

interface SignedRequest {
  readonly method: string;
  readonly url: string;
  /** All of them, `host` and `content-length` included: they are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
