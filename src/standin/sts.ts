/** STS in the query protocol: AssumeRole and GetCallerIdentity. */
import { randomBytes, randomUUID } from 'node:crypto';
import { accountOf } from './accounts.ts';
import type { Answer, Handler, Request } from './http.ts';
import { verifySignature } from './sigv4.ts';
import type { SignatureFault } from './sigv4.ts';
import { checkAssumeRole, packedPolicySize } from './sts-rules.ts';
import type { StsError } from './sts-rules.ts';
import { makeId, mayDo } from './world.ts';
import type { Credential, World } from './world.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${String(c.charCodeAt(0))};`);
}

function xml(status: number, action: string, body: string, detail?: string): Answer {
  const answer = { status, action, headers: { 'content-type': 'text/xml' }, body };
  return detail === undefined ? answer : { ...answer, detail };
}

function failure(action: string, { status, code, message }: StsError): Answer {
  const body = `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`;
  return xml(status, action, body, code);
}

function success(action: string, result: string, detail: string): Answer {
  const body = `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`;
  return xml(200, action, body, detail);
}

/** A bad signature as services of the query protocol tell it. */
export function querySignatureError(fault: SignatureFault): StsError {
  switch (fault.reason) {
    case 'missing':
      return { status: 403, code: 'MissingAuthenticationToken', message: 'Request is missing Authentication Token' };
    case 'incomplete':
      return { status: 400, code: 'IncompleteSignature', message: fault.message };
    case 'unknown-key':
    case 'wrong-token':
      return {
        status: 403,
        code: 'InvalidClientTokenId',
        message: 'The security token included in the request is invalid.',
      };
    case 'expired':
      return { status: 403, code: 'ExpiredToken', message: 'The security token included in the request is expired' };
    case 'skew':
    case 'scope':
      return { status: 403, code: 'SignatureDoesNotMatch', message: fault.message };
    default:
      return {
        status: 403,
        code: 'SignatureDoesNotMatch',
        message:
          'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      };
  }
}

function assumeRole(world: World, caller: Credential, form: URLSearchParams): Answer {
  const checked = checkAssumeRole(world, caller, form);
  if ('error' in checked) return failure('AssumeRole', checked.error);
  const { roleArn, sessionName, durationSeconds, role } = checked;
  const [, partition = 'aws', , , account = ''] = roleArn.split(':');
  const roleName = roleArn.split('/').at(-1) ?? '';
  const roleId = makeId('AROA');
  const expiresAt = Math.floor(world.now() / 1000 + durationSeconds) * 1000;
  const token = randomBytes(348).toString('base64');
  const credential: Credential = {
    kind: 'assumed-role',
    accessKeyId: makeId('ASIA'),
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: token,
    expiresAt,
    arn: `arn:${partition}:sts::${account}:assumed-role/${roleName}/${sessionName}`,
    userId: `${roleId}:${sessionName}`,
    roleArn,
    viaTemporary: caller.kind !== 'user',
    allow: role.allow ?? ['*'],
  };
  world.credentials.set(credential.accessKeyId, credential);
  const sourceIdentity = form.get('SourceIdentity');
  const packed = packedPolicySize(form);
  return success(
    'AssumeRole',
    `<Credentials><AccessKeyId>${credential.accessKeyId}</AccessKeyId><SecretAccessKey>${credential.secretAccessKey}</SecretAccessKey>` +
      `<SessionToken>${token}</SessionToken><Expiration>${new Date(expiresAt).toISOString().replace('.000', '')}</Expiration></Credentials>` +
      `<AssumedRoleUser><AssumedRoleId>${escapeXml(credential.userId)}</AssumedRoleId><Arn>${escapeXml(credential.arn)}</Arn></AssumedRoleUser>` +
      (sourceIdentity === null ? '' : `<SourceIdentity>${escapeXml(sourceIdentity)}</SourceIdentity>`) +
      (packed === 0 ? '' : `<PackedPolicySize>${String(packed)}</PackedPolicySize>`) +
      `<SessionTokenSize>${String(token.length)}</SessionTokenSize><SessionTokenUtilization>${String(Math.round(token.length / 41))}</SessionTokenUtilization>`,
    roleArn,
  );
}

function callerIdentity(caller: Credential): Answer {
  return success(
    'GetCallerIdentity',
    `<UserId>${escapeXml(caller.userId)}</UserId><Account>${accountOf(caller.arn)}</Account><Arn>${escapeXml(caller.arn)}</Arn>`,
    caller.arn,
  );
}

/** Every STS call is a signed, form-encoded POST of `/`. */
export function stsHandler(world: World): Handler {
  return (request: Request) => {
    const form = new URLSearchParams(request.body.toString('utf8'));
    const action = form.get('Action') ?? '';
    if (request.method !== 'POST' || request.path !== '/' || form.get('Version') !== '2011-06-15') {
      return failure(action || 'unknown', {
        status: 400,
        code: 'InvalidAction',
        message: `Could not find operation ${action} for version ${form.get('Version') ?? 'NO_VERSION_SPECIFIED'}`,
      });
    }
    const verdict = verifySignature(world, 'sts', request);
    if (!verdict.ok) return failure(action, querySignatureError(verdict.fault));
    if (action === 'GetCallerIdentity') return callerIdentity(verdict.credential);
    if (action !== 'AssumeRole') {
      return failure(action, {
        status: 400,
        code: 'InvalidAction',
        message: `Could not find operation ${action} for version 2011-06-15`,
      });
    }
    if (!mayDo(verdict.credential, 'sts:AssumeRole')) {
      const message = `User: ${verdict.credential.arn} is not authorized to perform: sts:AssumeRole on resource: ${form.get('RoleArn') ?? ''}`;
      return failure(action, { status: 403, code: 'AccessDenied', message });
    }
    return assumeRole(world, verdict.credential, form);
  };
}
