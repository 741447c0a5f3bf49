import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Fetch, HttpRequest, HttpResponse } from '../../core/ports.ts';
import { createNodeFetch } from '../../node/http.ts';

interface S3Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
const require = createRequire(import.meta.url);
const S3rver = require('s3rver') as new (options: object) => S3Server;
const { DUMMY_ACCOUNT } = require('s3rver/lib/models/account') as {
  DUMMY_ACCOUNT: { createKeyPair(id: string, secret: string): void };
};

export interface TestBucket {
  readonly name: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Reaches the bucket, and adds the conditional writes of S3 that the server in between lacks. */
  readonly fetch: Fetch;
  /** The bytes of an object as the server keeps them; undefined where there is none. */
  object(key: string): Promise<Buffer | undefined>;
  stop(): Promise<void>;
}

/** A bucket of a real S3 server that checks signatures, in a folder of its own. */
export async function openTestBucket(folder: string): Promise<TestBucket> {
  const name = 'server-keys';
  const credentials = {
    accessKeyId: 'AKIASERVERTESTBUCKET',
    secretAccessKey: 'q7Zp2LmXv9RtYc4NwBk8HsEd6JfGa1UoTi3KxPzM',
  };
  DUMMY_ACCOUNT.createKeyPair(credentials.accessKeyId, credentials.secretAccessKey);
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory: folder, configureBuckets: [{ name }] },
  });
  const endpoint = `http://127.0.0.1:${String((await server.run()).port)}`;
  const object = (key: string): Promise<Buffer | undefined> =>
    readFile(join(folder, name, `${key}._S3rver_object`)).catch(() => undefined);
  const etagOf = async (key: string): Promise<string | undefined> => {
    const bytes = await object(key);
    return bytes === undefined ? undefined : `"${createHash('md5').update(bytes).digest('hex')}"`;
  };

  const real = createNodeFetch({ proxy: 'none' });
  let last: Promise<unknown> = Promise.resolve();
  /**
   * One call after the other, a write's condition looked at in between: S3 shows an object before a write or after it,
   * where the server in between lets half of it be read.
   */
  const inTurn = (request: HttpRequest): Promise<HttpResponse> => {
    const turn = last.then(async () => {
      if (request.method !== 'PUT') return real(request);
      const key = decodeURIComponent(new URL(request.url).pathname).slice(`/${name}/`.length);
      const etag = await etagOf(key);
      const { 'if-match': match, 'if-none-match': noneMatch } = request.headers ?? {};
      const holds = match === undefined ? noneMatch === undefined || etag === undefined : match === etag;
      return holds ? real(request) : refusal(match !== undefined && etag === undefined ? 404 : 412);
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    name,
    endpoint,
    credentials,
    fetch: inTurn,
    object,
    stop: () => server.close(),
  };
}

function refusal(status: 404 | 412): HttpResponse {
  const code = status === 404 ? 'NoSuchKey' : 'PreconditionFailed';
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>No.</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body: new TextEncoder().encode(body) };
}
