import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const path = fileURLToPath(new URL('../../template.yaml', import.meta.url));
const TAGS = ['Ref', 'GetAtt', 'Sub', 'Join', 'If', 'Equals', 'Not'];

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** A short form such as !Ref X as a plain value: what is asked here is only what stands where. */
function shortForm(name: string) {
  const tag = `!${name}`;
  return [
    { tag, resolve: (text: string) => `${tag} ${text}` },
    { tag, collection: 'seq' as const },
  ];
}

const template = parse(readFileSync(path, 'utf8'), { customTags: TAGS.flatMap(shortForm) }) as {
  Resources: Record<string, { Type: string; DeletionPolicy?: string; Properties: Record<string, unknown> }>;
};

function statementsOf(name: string): Statement[] {
  const policies = template.Resources[name]?.Properties['Policies'] as unknown[];
  const flat = policies.flatMap((policy) => (Array.isArray(policy) ? (policy as unknown[]) : [policy]));
  return flat.flatMap((policy) => (policy as { Statement?: Statement[] }).Statement ?? []);
}

const actionsOf = (name: string) => statementsOf(name).flatMap((statement) => statement.Action);

describe('the template for AWS', () => {
  it.skipIf(spawnSync('cfn-lint', ['--version']).status !== 0)('is sound to cfn-lint', () => {
    const { status, stdout } = spawnSync('cfn-lint', [path], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('allows no action on everything, and no whole service', () => {
    for (const name of ['Server', 'Rotation']) {
      expect(statementsOf(name).length).toBeGreaterThan(3);
      for (const statement of statementsOf(name)) {
        expect(statement.Resource).not.toBe('*');
        expect([statement.Action].flat().filter((action) => action.includes('*'))).toEqual([]);
      }
    }
  });

  it('lets the server read its keys but not write them, and the rotation hand out nothing', () => {
    expect(actionsOf('Server').filter((action) => /^s3:(Put|Delete)|GenerateDataKey/.test(action))).toEqual([]);
    expect(actionsOf('Rotation').filter((action) => /^(sts|secretsmanager):/.test(action))).toEqual([]);
  });

  it('keeps keys and state when the stack is deleted', () => {
    for (const name of ['Key', 'Keys', 'State']) expect(template.Resources[name]?.DeletionPolicy).toBe('Retain');
  });
});
