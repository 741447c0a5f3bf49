/** IAM in the query protocol: a user's access keys. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Answer, Handler } from './http.ts';
import { verifySignature } from './sigv4.ts';
import { escapeXml, querySignatureError } from './sts.ts';
import type { StsError } from './sts-rules.ts';
import { addUserKey, makeId, mayDo, notAuthorized } from './world.ts';
import type { Credential, UserKey, World } from './world.ts';

const NAMESPACE = 'https://iam.amazonaws.com/doc/2010-05-08/';
const VERSION = '2010-05-08';
/** IAM quotas: access keys of a user, active and inactive ones together. */
const KEYS_PER_USER = 2;

type Result = { readonly result: string; readonly detail: string } | { readonly error: StsError };

const error = (status: number, code: string, message: string): Result => ({ error: { status, code, message } });
const instant = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000', '');

interface Call {
  readonly world: World;
  readonly caller: Credential;
  readonly form: URLSearchParams;
}

/** The user meant, and their keys. Without a name it is whoever signed; a role has no keys. */
function userOf({ world, caller, form }: Call): { name: string; arn: string; keys: UserKey[] } | Result {
  const account = caller.arn.split(':')[4] ?? '';
  const name = form.get('UserName') ?? (caller.kind === 'user' ? caller.arn.split('/').at(-1) : undefined);
  if (name === undefined)
    return error(400, 'ValidationError', 'Must specify userName when calling with non-User credentials');
  if (!/^[\w+=,.@-]{1,128}$/.test(name)) {
    return error(
      400,
      'ValidationError',
      `The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`,
    );
  }
  const all = [...world.userKeys.values()].filter((key) => key.credential.arn.startsWith(`arn:aws:iam::${account}:`));
  const keys = all.filter((key) => key.userName === name);
  const arn = keys[0]?.credential.arn ?? world.users.get(`${account} ${name}`);
  if (arn === undefined) return error(404, 'NoSuchEntity', `The user with name ${name} cannot be found.`);
  return { name, arn, keys };
}

function keyOf(call: Call): UserKey | Result {
  const user = userOf(call);
  if (!('keys' in user)) return user;
  const id = call.form.get('AccessKeyId') ?? '';
  if (!/^\w{3,128}$/.test(id))
    return error(
      400,
      'ValidationError',
      "1 validation error detected: Value at 'accessKeyId' failed to satisfy constraint",
    );
  return (
    user.keys.find(({ credential }) => credential.accessKeyId === id) ??
    error(404, 'NoSuchEntity', `The Access Key with id ${id} cannot be found.`)
  );
}

const member = ({ userName, credential, status, createdAt }: UserKey): string =>
  `<UserName>${escapeXml(userName)}</UserName><AccessKeyId>${credential.accessKeyId}</AccessKeyId><Status>${status}</Status><CreateDate>${instant(createdAt)}</CreateDate>`;

const OPERATIONS: Readonly<Record<string, (call: Call) => Result>> = {
  ListAccessKeys(call) {
    const user = userOf(call);
    if (!('keys' in user)) return user;
    const members = user.keys.map((key) => `<member>${member(key)}</member>`).join('');
    const result = `<AccessKeyMetadata>${members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>`;
    return { result, detail: user.name };
  },
  CreateAccessKey(call) {
    const user = userOf(call);
    if (!('keys' in user)) return user;
    if (user.keys.length >= KEYS_PER_USER) {
      return error(409, 'LimitExceeded', `Cannot exceed quota for AccessKeysPerUser: ${String(KEYS_PER_USER)}`);
    }
    const key = addUserKey(call.world, {
      userName: user.name,
      arn: user.arn,
      accessKeyId: makeId('AKIA'),
      secretAccessKey: randomBytes(30).toString('base64'),
      allow: user.keys[0]?.credential.allow ?? ['sts:*'],
    });
    const secret = `<SecretAccessKey>${escapeXml(key.credential.secretAccessKey)}</SecretAccessKey>`;
    return { result: `<AccessKey>${member(key)}${secret}</AccessKey>`, detail: key.credential.accessKeyId };
  },
  UpdateAccessKey(call) {
    const key = keyOf(call);
    if (!('credential' in key)) return key;
    const status = call.form.get('Status');
    if (status !== 'Active' && status !== 'Inactive') {
      return error(
        400,
        'ValidationError',
        "Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]",
      );
    }
    key.status = status;
    return { result: '', detail: `${key.credential.accessKeyId} ${status}` };
  },
  DeleteAccessKey(call) {
    const key = keyOf(call);
    if (!('credential' in key)) return key;
    const { accessKeyId, arn } = key.credential;
    call.world.users.set(`${arn.split(':')[4] ?? ''} ${key.userName}`, arn);
    call.world.userKeys.delete(accessKeyId);
    call.world.credentials.delete(accessKeyId);
    return { result: '', detail: accessKeyId };
  },
  GetAccessKeyLastUsed({ world, form }) {
    const id = form.get('AccessKeyId') ?? '';
    const key = world.userKeys.get(id);
    // As the real service: it does not tell an absent key from another account's.
    if (key === undefined)
      return error(
        403,
        'AccessDenied',
        `User is not authorized to perform: iam:GetAccessKeyLastUsed on resource: ${id}`,
      );
    const used = key.lastUsedAt === undefined ? '' : `<LastUsedDate>${instant(key.lastUsedAt)}</LastUsedDate>`;
    const service = key.lastUsedAt === undefined ? 'N/A' : 'sts';
    const region = key.lastUsedAt === undefined ? 'N/A' : (world.regions[0] ?? '');
    const result = `<UserName>${escapeXml(key.userName)}</UserName><AccessKeyLastUsed>${used}<ServiceName>${service}</ServiceName><Region>${region}</Region></AccessKeyLastUsed>`;
    return { result, detail: id };
  },
};

function xml(status: number, action: string, body: string, detail: string): Answer {
  return { status, action, detail, headers: { 'content-type': 'text/xml' }, body };
}

/** Every call is a signed, form-encoded POST of `/`, for us-east-1 whatever the region of the rest. */
export function iamHandler(world: World): Handler {
  return (request) => {
    const form = new URLSearchParams(request.body.toString('utf8'));
    const action = form.get('Action') ?? '';
    const fail = ({ status, code, message }: StsError): Answer =>
      xml(
        status,
        action || 'unknown',
        `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
        code,
      );
    const operation = Object.hasOwn(OPERATIONS, action) ? OPERATIONS[action] : undefined;
    if (
      request.method !== 'POST' ||
      request.path !== '/' ||
      form.get('Version') !== VERSION ||
      operation === undefined
    ) {
      return fail({
        status: 400,
        code: 'InvalidAction',
        message: `Could not find operation ${action} for version ${form.get('Version') ?? ''}`,
      });
    }
    const verdict = verifySignature(world, 'iam', request);
    if (!verdict.ok) return fail(querySignatureError(verdict.fault));
    const caller = verdict.credential;
    if (!mayDo(caller, `iam:${action}`)) {
      return fail({
        status: 403,
        code: 'AccessDenied',
        message: notAuthorized(caller, `iam:${action}`, `user ${form.get('UserName') ?? ''}`),
      });
    }
    const outcome = operation({ world, caller, form });
    if ('error' in outcome) return fail(outcome.error);
    const wrapped = outcome.result === '' ? '' : `<${action}Result>${outcome.result}</${action}Result>`;
    const body = `<${action}Response xmlns="${NAMESPACE}">${wrapped}<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`;
    return xml(200, action, body, outcome.detail);
  };
}
