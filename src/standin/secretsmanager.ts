/** Secrets Manager: GetSecretValue, PutSecretValue, DescribeSecret and UpdateSecretVersionStage over versions and stages. */
import { randomUUID } from 'node:crypto';
import type { Handler } from './http.ts';
import { jsonHandler } from './json-service.ts';
import type { JsonResult } from './json-service.ts';
import { moveStage } from './world.ts';
import type { Secret, World } from './world.ts';

export type SecretLookup = {
  readonly value: string;
  readonly id: string;
  readonly stages: readonly string[];
  readonly createdAt: number;
};

/** Finds a version by id, by stage, or the current one; undefined when there is none. When both are given both must fit. */
export function findSecret(world: World, name: string, versionId?: string, stage?: string): SecretLookup | undefined {
  const all = world.secrets.get(name) ?? [];
  const wanted = versionId === undefined && stage === undefined ? 'AWSCURRENT' : stage;
  return all.find(
    (version) =>
      (versionId === undefined || version.id === versionId) &&
      (wanted === undefined || version.stages.includes(wanted)),
  );
}

function optionalString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function secretArn(world: World, name: string): string {
  return `arn:aws:secretsmanager:${world.regions[0] ?? ''}:${world.account}:secret:${name}-Vg1L0s`;
}

type Named = { readonly name: string; readonly versions: Secret } | { readonly error: JsonResult };

/** The secret that a call names, by its name or its ARN. */
function secretIn(world: World, input: Record<string, unknown>): Named {
  const secretId = optionalString(input['SecretId']);
  const error = (code: string, message: string): Named => ({ error: { failure: { code, message } } });
  if (secretId === undefined || secretId === '' || secretId.length > 2048) {
    return error(
      'ValidationException',
      "1 validation error detected: Value at 'secretId' failed to satisfy constraint: Member must have length between 1 and 2048",
    );
  }
  const found = [...world.secrets].find(([key]) => key === secretId || secretArn(world, key) === secretId);
  if (found === undefined)
    return error('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  return { name: found[0], versions: found[1] };
}

function getSecretValue(world: World, input: Record<string, unknown>): JsonResult {
  const secret = secretIn(world, input);
  if ('error' in secret) return secret.error;
  const { name } = secret;
  const [versionId, stage] = [optionalString(input['VersionId']), optionalString(input['VersionStage'])];
  if (versionId !== undefined && (versionId.length < 32 || versionId.length > 64)) {
    return {
      failure: {
        code: 'InvalidParameterException',
        message: 'The parameter VersionId must have a length between 32 and 64.',
      },
    };
  }
  const found = findSecret(world, name, versionId, stage);
  if (found === undefined) {
    const message = `Secrets Manager can't find the specified secret value for ${versionId === undefined ? `staging label: ${stage ?? ''}` : `VersionId: ${versionId}`}`;
    return { failure: { code: 'ResourceNotFoundException', message } };
  }
  return {
    detail: name,
    result: {
      ARN: secretArn(world, name),
      CreatedDate: found.createdAt / 1000,
      Name: name,
      SecretString: found.value,
      VersionId: found.id,
      VersionStages: found.stages,
    },
  };
}

function describeSecret(world: World, input: Record<string, unknown>): JsonResult {
  const secret = secretIn(world, input);
  if ('error' in secret) return secret.error;
  const { name, versions } = secret;
  const staged = versions.filter(({ stages }) => stages.length > 0).map(({ id, stages }) => [id, stages] as const);
  const result = { ARN: secretArn(world, name), Name: name, VersionIdsToStages: Object.fromEntries(staged) };
  return { detail: name, result };
}

const invalid = (message: string): JsonResult => ({ failure: { code: 'InvalidParameterException', message } });

function putSecretValue(world: World, input: Record<string, unknown>): JsonResult {
  const secret = secretIn(world, input);
  if ('error' in secret) return secret.error;
  const { name, versions } = secret;
  const [value, token = randomUUID()] = [
    optionalString(input['SecretString']),
    optionalString(input['ClientRequestToken']),
  ];
  const given = input['VersionStages'] ?? ['AWSCURRENT'];
  if (value === undefined || value === '') return invalid('You must provide either SecretString or SecretBinary.');
  if (value.length > 65_536) return invalid('The secret value is longer than 65536 bytes.');
  if (token.length < 32 || token.length > 64)
    return invalid('The parameter ClientRequestToken must have 32 to 64 characters.');
  const stages: unknown[] = Array.isArray(given) ? given : [];
  if (stages.length === 0 || stages.length > 20 || !stages.every((one) => typeof one === 'string' && one !== ''))
    return invalid('VersionStages must have 1 to 20 labels.');
  const known = versions.find(({ id }) => id === token);
  if (known !== undefined && known.value !== value) {
    const message = `A version with the id ${token} already exists, and its content is another.`;
    return { failure: { code: 'ResourceExistsException', message } };
  }
  const version = known ?? { id: token, value, createdAt: world.now(), stages: [] };
  if (known === undefined) versions.unshift(version);
  // Sent again, it is a success that changes nothing.
  if (known === undefined) for (const stage of stages as string[]) moveStage(versions, stage, version);
  const result = { ARN: secretArn(world, name), Name: name, VersionId: version.id, VersionStages: version.stages };
  return { detail: name, result };
}

function updateSecretVersionStage(world: World, input: Record<string, unknown>): JsonResult {
  const secret = secretIn(world, input);
  if ('error' in secret) return secret.error;
  const { name, versions } = secret;
  const stage = optionalString(input['VersionStage']);
  const [to, from] = [optionalString(input['MoveToVersionId']), optionalString(input['RemoveFromVersionId'])];
  if (stage === undefined || stage === '') return invalid('VersionStage is missing.');
  const target = versions.find(({ id }) => id === to);
  if (to !== undefined && target === undefined) {
    const message = `Secrets Manager can't find the specified secret version: ${to}`;
    return { failure: { code: 'ResourceNotFoundException', message } };
  }
  const holder = versions.find(({ stages }) => stages.includes(stage));
  if (holder !== undefined && holder !== target && holder.id !== from) {
    return invalid(
      from === undefined
        ? `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`
        : `The staging label ${stage} isn't attached to version ${from}.`,
    );
  }
  if (to === undefined && stage === 'AWSCURRENT') return invalid('The staging label AWSCURRENT can be moved only.');
  moveStage(versions, stage, target);
  return { detail: name, result: { ARN: secretArn(world, name), Name: name } };
}

export function secretsManagerHandler(world: World): Handler {
  return jsonHandler(world, {
    service: 'secretsmanager',
    version: '1.1',
    targetPrefix: 'secretsmanager',
    resource: (input) => optionalString(input['SecretId']) ?? '*',
    operations: {
      GetSecretValue: (input) => getSecretValue(world, input),
      DescribeSecret: (input) => describeSecret(world, input),
      PutSecretValue: (input) => putSecretValue(world, input),
      UpdateSecretVersionStage: (input) => updateSecretVersionStage(world, input),
    },
  });
}
