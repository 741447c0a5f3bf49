import { ESLint } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';

// Lints a sentence of code as if it stood in a file of the layer.
const RULE = '@typescript-eslint/no-restricted-imports';
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
async function verdicts(file, from) {
  const [result] = await eslint.lintText(`import { x } from '${from}';\nexport const y = x;\n`, { filePath: file });
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
  ])('refuses %s importing %s', async (file, from) => {
    expect(await verdicts(file, from)).not.toEqual([]);
  });

  it.each([
    ['src/core/session/probe.ts', '../errors.ts'],
    ['src/core/settings/probe.ts', 'zod'],
    ['src/keys/probe.ts', 'tar'],
    ['src/aws/probe.ts', '../keys/key-source.ts'],
    ['src/main/wall/probe.ts', 'electron'],
    ['src/main/wall/probe.ts', '../../core/errors.ts'],
  ])('allows %s importing %s', async (file, from) => {
    expect(await verdicts(file, from)).toEqual([]);
  });
});
