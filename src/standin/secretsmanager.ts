/** Secrets Manager: GetSecretValue over versions and stages. */
import type { Handler } from './http.ts';
import { jsonHandler } from './json-service.ts';
import type { JsonResult } from './json-service.ts';
import type { World } from './world.ts';

export type SecretLookup = {
  readonly value: string;
  readonly id: string;
  readonly stages: string[];
  readonly createdAt: number;
};

/** Finds a version by id, by stage, or the current one; undefined when there is none. When both are given both must fit. */
export function findSecret(world: World, name: string, versionId?: string, stage?: string): SecretLookup | undefined {
  const versions = world.secrets.get(name) ?? [];
  const all = versions.map((version, age) => ({
    ...version,
    stages: age === 0 ? ['AWSCURRENT'] : age === 1 ? ['AWSPREVIOUS'] : [],
  }));
  if (versionId === undefined && stage === undefined) return all[0];
  return all.find(
    (version) =>
      (versionId === undefined || version.id === versionId) && (stage === undefined || version.stages.includes(stage)),
  );
}

function optionalString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function secretArn(world: World, name: string): string {
  return `arn:aws:secretsmanager:${world.regions[0] ?? ''}:${world.account}:secret:${name}-Vg1L0s`;
}

function getSecretValue(world: World, input: Record<string, unknown>): JsonResult {
  const secretId = optionalString(input['SecretId']);
  if (secretId === undefined || secretId === '' || secretId.length > 2048) {
    return {
      failure: {
        code: 'ValidationException',
        message:
          "1 validation error detected: Value at 'secretId' failed to satisfy constraint: Member must have length between 1 and 2048",
      },
    };
  }
  const name = [...world.secrets.keys()].find((key) => key === secretId || secretArn(world, key) === secretId);
  if (name === undefined) {
    return {
      failure: { code: 'ResourceNotFoundException', message: "Secrets Manager can't find the specified secret." },
    };
  }
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

export function secretsManagerHandler(world: World): Handler {
  return jsonHandler(world, {
    service: 'secretsmanager',
    version: '1.1',
    targetPrefix: 'secretsmanager',
    resource: (input) => optionalString(input['SecretId']) ?? '*',
    operations: { GetSecretValue: (input) => getSecretValue(world, input) },
  });
}
