import { ESLint } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';

// Lints a sentence of code as if it stood in a file of the layer.
const RULE = 'vigil/layers';
/** @type {ESLint} */
let eslint;
beforeAll(() => {
  // The rule needs no types; without them a file that is not on disk can be linted.
  eslint = new ESLint({
    overrideConfig: [{ files: ['**/*.ts'], languageOptions: { parserOptions: { project: null } } }],
    ruleFilter: ({ ruleId }) => ruleId === RULE,
  });
});

/** @param {string} file @param {string} from */
function verdicts(file, from) {
  return verdictsOn(file, `import { x } from '${from}';\nexport const y = x;\n`);
}

/** @param {string} file @param {string} code */
async function verdictsOn(file, code) {
  const [result] = await eslint.lintText(code, { filePath: file });
  expect(result?.messages.filter((message) => message.fatal)).toEqual([]);
  return result?.messages.filter((message) => message.ruleId === RULE).map((message) => message.message) ?? [];
}

describe('the import rule', () => {
  it.each([
    ['src/core/session/probe.ts', '../../aws/partitions.ts'],
    ['src/core/probe.ts', 'node:fs'],
    ['src/core/probe.ts', 'yaml'],
    ['src/autoid/v1/probe.ts', '../../node/http.ts'],
    ['src/autoid/v1/probe.ts', 'node:crypto'],
    ['src/keys/probe.ts', '../aws/partitions.ts'],
    ['src/aws/probe.ts', '../main/index.ts'],
    ['src/cli/commands/probe.ts', '../../main/index.ts'],
    ['src/cli/probe.ts', 'electron'],
    ['src/node/probe.ts', '../keys/npm.ts'],
    ['src/main/wall/probe.ts', '../../cli/main.ts'],
    ['src/main/wall/probe.ts', '../../standin/index.ts'],
    ['src/renderer/notice/probe.ts', '../../main/index.ts'],
    ['src/core/probe.ts', '../../src/aws/partitions.ts'],
    ['src/core/probe.ts', './../aws/partitions.ts'],
    ['src/core/session/probe.ts', './../.././aws/partitions.ts'],
    ['src/core/probe.ts', '/src/aws/partitions.ts'],
    ['src/core/probe.ts', '../../scripts/layers.mjs'],
    ['src/keys/probe.ts', '../core/../aws/partitions.ts'],
    ['src/core/probe.ts', '..'],
  ])('refuses %s importing %s', async (file, from) => {
    expect(await verdicts(file, from)).not.toEqual([]);
  });

  it.each([
    "await import('../aws/partitions.ts');",
    'await import(`../aws/partitions.ts`);',
    "await import('../aws/' + 'partitions.ts');",
    'await import(`../${"aws"}/partitions.ts`);',
    "await import('node:fs');",
    "export { x } from '../aws/partitions.ts';",
    "export * from '../aws/partitions.ts';",
    "export type X = import('../aws/partitions.ts').Partition;",
    "import '../aws/partitions.ts';",
    "import type { X } from '../aws/partitions.ts'; export type Y = X;",
    "import x = require('../aws/partitions.ts'); export const y = x;",
  ])('refuses every other form of import in a pure layer: %s', async (code) => {
    expect(await verdictsOn('src/core/probe.ts', code)).toHaveLength(1);
  });

  it('allows the same forms where they lead downwards', async () => {
    const code = "export { x } from './a.ts'; await import('../core/errors.ts'); await import(`tar`);";
    expect(await verdictsOn('src/keys/probe.ts', code)).toEqual([]);
  });

  it.each([
    ['src/core/session/probe.ts', '../errors.ts'],
    ['src/core/settings/probe.ts', 'zod'],
    ['src/keys/probe.ts', 'tar'],
    ['src/aws/probe.ts', '../keys/key-source.ts'],
    ['src/main/wall/probe.ts', 'electron'],
    ['src/standin/pages/probe.ts', '../../../scripts/fiducial.json'],
    ['src/main/wall/probe.ts', '../../core/errors.ts'],
  ])('allows %s importing %s', async (file, from) => {
    expect(await verdicts(file, from)).toEqual([]);
  });
});
