import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseSettingsFile } from '../../node/parse-settings-file.ts';
import { VARIABLES } from './environment.ts';
import { FIELDS, valueAt } from './fields.ts';
import { mergeSettings } from './layers.ts';

const root = new URL('../../../', import.meta.url);
const example = new URL('vigil.example.yml', root);
const pinnedNode = new URL(`node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, root);

describe('the example', () => {
  const bytes = new Uint8Array(readFileSync(example));
  const { values, lines } = parseSettingsFile(bytes, 'vigil.example.yml');

  it('is good, and has every field', () => {
    const { problems } = mergeSettings([{ layer: 'user settings', name: 'vigil.example.yml', values, lines }]);
    expect(problems).toEqual([]);
    for (const { path } of FIELDS) {
      if (path !== 'server.credentialSource') expect(valueAt(values, path), path).toBeDefined();
    }
    expect(new TextDecoder().decode(bytes)).toContain('# credentialSource: ');
  });

  it('names every variable', () => {
    const text = new TextDecoder().decode(bytes);
    for (const { name } of VARIABLES) if (name !== 'AWS_DEFAULT_REGION') expect(text).toContain(name);
  });
});

describe('the JSON schema', () => {
  it('is what the zod schema says: else run node scripts/settings-schema.mjs', () => {
    const generator = fileURLToPath(new URL('scripts/settings-schema.mjs', root));
    const run = spawnSync(fileURLToPath(pinnedNode), [generator, '--check'], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });
});
