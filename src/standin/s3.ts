/** S3, path-style: GetObject and HeadObject with conditions. Objects are put through the control. */
import { randomBytes } from 'node:crypto';
import type { Answer, Handler, Request } from './http.ts';
import { verifySignature } from './sigv4.ts';
import type { SignatureFault } from './sigv4.ts';
import { escapeXml } from './sts.ts';
import { mayDo, notAuthorized } from './world.ts';
import type { StoredObject, World } from './world.ts';

interface S3Error {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly extra?: Readonly<Record<string, string>>;
}

function signatureError(fault: SignatureFault): S3Error {
  switch (fault.reason) {
    case 'missing':
      return { status: 403, code: 'AccessDenied', message: 'Access Denied' };
    case 'incomplete':
      return { status: 400, code: 'AuthorizationHeaderMalformed', message: fault.message };
    case 'unknown-key':
      return {
        status: 403,
        code: 'InvalidAccessKeyId',
        message: 'The AWS Access Key Id you provided does not exist in our records.',
      };
    case 'wrong-token':
      return { status: 400, code: 'InvalidToken', message: 'The provided token is malformed or otherwise invalid.' };
    case 'expired':
      return { status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' };
    case 'skew':
      return {
        status: 403,
        code: 'RequestTimeTooSkewed',
        message: 'The difference between the request time and the current time is too large.',
      };
    case 'scope': {
      const message = fault.message.includes('region')
        ? `The authorization header is malformed; the region '${fault.region}' is wrong; expecting '${fault.expected}'`
        : `The authorization header is malformed; ${fault.message}`;
      return { status: 400, code: 'AuthorizationHeaderMalformed', message, extra: { Region: fault.expected } };
    }
    case 'payload':
      return {
        status: 400,
        code: 'XAmzContentSHA256Mismatch',
        message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
      };
    case 'mismatch':
      return {
        status: 403,
        code: 'SignatureDoesNotMatch',
        message:
          'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      };
  }
}

function requestIds(): Record<string, string> {
  return {
    'x-amz-request-id': randomBytes(8).toString('hex').toUpperCase(),
    'x-amz-id-2': randomBytes(32).toString('base64'),
  };
}

function failure(action: string, error: S3Error, detail = error.code): Answer {
  const extra = Object.entries(error.extra ?? {}).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${error.code}</Code><Message>${escapeXml(error.message)}</Message>${extra.join('')}</Error>`;
  return {
    status: error.status,
    action,
    headers: { ...requestIds(), 'content-type': 'application/xml' },
    body,
    detail,
  };
}

/** RFC 9110, section 13.2.2, for the two conditions that a reader uses: the ETag wins over the date. */
function isUnchanged(request: Request, object: StoredObject): boolean {
  const match = request.headers['if-none-match'];
  if (match !== undefined) {
    return match.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === object.etag);
  }
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(object.modifiedAt / 1000) * 1000 <= since;
}

export function s3Handler(world: World): Handler {
  return (request) => {
    const action = request.method === 'HEAD' ? 'HeadObject' : request.method === 'GET' ? 'GetObject' : request.method;
    const verdict = verifySignature(world, 's3', request);
    if (!verdict.ok) return failure(action, signatureError(verdict.fault));
    const [, bucket = '', ...rest] = request.path.split('/').map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
    const key = rest.join('/');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return failure(action, {
        status: 405,
        code: 'MethodNotAllowed',
        message: 'The specified method is not allowed against this resource.',
      });
    }
    const resource = `arn:aws:s3:::${bucket}/${key}`;
    if (!mayDo(verdict.credential, 's3:GetObject')) {
      return failure(action, {
        status: 403,
        code: 'AccessDenied',
        message: notAuthorized(verdict.credential, 's3:GetObject', resource),
      });
    }
    const objects = world.buckets.get(bucket);
    if (objects === undefined) {
      return failure(action, {
        status: 404,
        code: 'NoSuchBucket',
        message: 'The specified bucket does not exist',
        extra: { BucketName: bucket },
      });
    }
    const object = objects.get(key);
    if (object === undefined) {
      return failure(action, {
        status: 404,
        code: 'NoSuchKey',
        message: 'The specified key does not exist.',
        extra: { Key: key },
      });
    }
    const wanted = request.headers['if-match'];
    if (wanted !== undefined && wanted !== '*' && wanted !== object.etag) {
      return failure(action, {
        status: 412,
        code: 'PreconditionFailed',
        message: 'At least one of the pre-conditions you specified did not hold',
      });
    }
    const headers = {
      ...requestIds(),
      etag: object.etag,
      'last-modified': new Date(object.modifiedAt).toUTCString(),
      'accept-ranges': 'bytes',
    };
    const detail = `${bucket}/${key}`;
    if (isUnchanged(request, object)) return { status: 304, action, headers, detail };
    return {
      status: 200,
      action,
      headers: { ...headers, 'content-type': 'binary/octet-stream' },
      body: object.bytes,
      detail,
    };
  };
}
