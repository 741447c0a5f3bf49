import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Fetch, HttpRequest } from '../core/ports.ts';
import { sdkRequestHandler } from './sdk-request-handler.ts';

const LIMITS = { timeoutMs: 1000, maxBytes: 4096 };
const CREDENTIALS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' };

function recording(status: number, body: string, headers: Record<string, string> = {}) {
  const requests: HttpRequest[] = [];
  const fetch: Fetch = (request) => {
    requests.push(request);
    return Promise.resolve({ status, headers, body: new TextEncoder().encode(body) });
  };
  return { requests, fetch };
}

const RAW = { method: 'GET', protocol: 'https:', hostname: 'host.test', path: '/a%20b', headers: {} };

describe('sdkRequestHandler', () => {
  it('builds the URL from its parts, with port and a sorted, encoded query', async () => {
    const { requests, fetch } = recording(200, '');
    await sdkRequestHandler(fetch, LIMITS).handle({
      ...RAW,
      port: 8443,
      query: { b: ['2', "it's (a) *"], a: 'x y&z', flag: null },
    });
    expect(requests).toEqual([
      {
        method: 'GET',
        url: 'https://host.test:8443/a%20b?a=x%20y%26z&b=2&b=it%27s%20%28a%29%20%2A&flag',
        headers: {},
        timeoutMs: 1000,
        maxBytes: 4096,
      },
    ]);
  });

  it('passes text and bytes on, and refuses what it cannot send', async () => {
    const { requests, fetch } = recording(200, '');
    const handler = sdkRequestHandler(fetch, LIMITS);
    await handler.handle({ ...RAW, method: 'POST', body: 'text' });
    await handler.handle({ ...RAW, method: 'PUT', body: new Uint8Array([1, 2]) });
    await handler.handle({ ...RAW, method: 'PUT', body: new DataView(new Uint8Array([9, 8, 7]).buffer, 1) });
    expect(requests.map((r) => r.body)).toEqual(['text', new Uint8Array([1, 2]), new Uint8Array([8, 7])]);
    await expect(handler.handle({ ...RAW, method: 'POST', body: new ReadableStream() })).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    await expect(handler.handle({ ...RAW, method: 'PATCH' })).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(handler.handle(RAW, { abortSignal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'NETWORK_INTERRUPTED',
    });
    expect(requests).toHaveLength(3);
  });

  it('leaves the headers that the transport sets to the transport', async () => {
    const { requests, fetch } = recording(200, '');
    await sdkRequestHandler(fetch, LIMITS).handle({
      ...RAW,
      headers: { host: 'host.test', 'Content-Length': '4', authorization: 'AWS4' },
    });
    expect(requests[0]?.headers).toEqual({ authorization: 'AWS4' });
  });

  it('carries a call of the STS client', async () => {
    const { requests, fetch } = recording(
      200,
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
       <AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
       <Expiration>2026-11-22T12:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      { 'content-type': 'text/xml' },
    );
    const client = new STSClient({
      region: 'eu-central-1',
      credentials: CREDENTIALS,
      maxAttempts: 1,
      requestHandler: sdkRequestHandler(fetch, LIMITS),
    });
    const answer = await client.send(
      new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::1:role/a', RoleSessionName: 'wall' }),
    );
    expect(answer.Credentials?.AccessKeyId).toBe('ASIAEXAMPLE');
    expect(requests[0]?.url).toBe('https://sts.eu-central-1.amazonaws.com/');
    expect(requests[0]?.body).toContain('RoleSessionName=wall');
  });

  it('carries a streaming call of the S3 client', async () => {
    const { requests, fetch } = recording(200, 'content', { etag: '"1"' });
    const client = new S3Client({
      region: 'eu-central-1',
      credentials: CREDENTIALS,
      maxAttempts: 1,
      requestHandler: sdkRequestHandler(fetch, LIMITS),
    });
    const answer = await client.send(new GetObjectCommand({ Bucket: 'keys', Key: 'build/public.pem' }));
    expect(await answer.Body?.transformToString()).toBe('content');
    expect(requests[0]?.url).toBe('https://keys.s3.eu-central-1.amazonaws.com/build/public.pem?x-id=GetObject');
  });

  it("lets the Fetch port's own failure through the SDK, after one attempt", async () => {
    let calls = 0;
    const failure = new AppError('NETWORK_DNS', 'There is no host of that name.');
    const fetch: Fetch = () => {
      calls += 1;
      return Promise.reject(failure);
    };
    const client = new STSClient({
      region: 'eu-central-1',
      credentials: CREDENTIALS,
      maxAttempts: 1,
      requestHandler: sdkRequestHandler(fetch, LIMITS),
    });
    const call = client.send(new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::1:role/a', RoleSessionName: 'wall' }));
    await expect(call).rejects.toBe(failure);
    expect(calls).toBe(1);
  });
});
