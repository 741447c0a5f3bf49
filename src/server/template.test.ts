import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { actionsOf, statementsOf, template, templatePath } from './testing/template.ts';

describe('the template for AWS', () => {
  it.skipIf(spawnSync('cfn-lint', ['--version']).status !== 0)('is sound to cfn-lint', () => {
    const { status, stdout } = spawnSync('cfn-lint', [templatePath], { encoding: 'utf8' });
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
    expect(actionsOf('Rotation').filter((action) => action.startsWith('sts:'))).toEqual([]);
    const secrets = statementsOf('Rotation').filter(({ Action }) => String(Action).includes('secretsmanager:'));
    expect(secrets.map(({ Resource }) => Resource)).toEqual(['!Ref PublishTokenArn']);
  });

  it('keeps the rotation key, which signs key sets, from the server', () => {
    const read = statementsOf('Server').filter(({ Action }) => String(Action).includes('s3:GetObject'));
    expect(read.map(({ Resource }) => Resource)).toEqual([
      ['!Sub ${Keys.Arn}/keys/ring.json', '!Sub ${Keys.Arn}/keys/generation-*.key'],
    ]);
  });

  it('lets neither remove anything from the table', () => {
    for (const name of ['Server', 'Rotation']) {
      expect(actionsOf(name).filter((action) => /^dynamodb:(Delete|Batch|Update)/.test(action))).toEqual([]);
    }
  });

  it('keeps keys and state when the stack is deleted', () => {
    for (const name of ['Key', 'Keys', 'State']) expect(template.Resources[name]?.DeletionPolicy).toBe('Retain');
  });

  it('keeps no older version of a key', () => {
    expect(template.Resources['Keys']?.Properties['VersioningConfiguration']).toBeUndefined();
  });
});
