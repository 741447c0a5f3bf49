import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { KeySet } from '../../src/standin/index.ts';

interface S3Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
const require = createRequire(import.meta.url);
const S3rver = require('s3rver') as new (options: object) => S3Server;
const { DUMMY_ACCOUNT } = require('s3rver/lib/models/account') as {
  DUMMY_ACCOUNT: { createKeyPair(id: string, secret: string): void };
};

export interface Bucket {
  readonly url: string;
  readonly name: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  put(keys: KeySet): Promise<void>;
  stop(): Promise<void>;
}

/** A bucket of a real S3 server that checks signatures. @param directory for its files */
export async function openBucket(directory: string): Promise<Bucket> {
  const name = 'wall-keys';
  const credentials = {
    accessKeyId: 'AKIAE2EBUCKETREADER1',
    secretAccessKey: 'hT5vKq9LwXz2RmB8nJc4PdSy7GaE1fUo3iQ6tWsN',
  };
  DUMMY_ACCOUNT.createKeyPair(credentials.accessKeyId, credentials.secretAccessKey);
  const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name }] });
  const url = `http://127.0.0.1:${String((await server.run()).port)}`;
  const client = new S3Client({ region: 'us-east-1', endpoint: url, forcePathStyle: true, credentials });
  const put = (Key: string, Body: string) => client.send(new PutObjectCommand({ Bucket: name, Key, Body }));
  return {
    url,
    name,
    credentials,
    async put(keys) {
      await put('build/info2048.bin', keys.entropy);
      await put('build/public.pem', keys.publicKey);
    },
    async stop() {
      client.destroy();
      await server.close();
    },
  };
}
