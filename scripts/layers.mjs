import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Which layer may import which: the one place that says it, read by the lint rule. Imports point downwards only.
 * The tsconfig of each layer holds the same through its references.
 * @type {Record<string, readonly string[]>}
 */
export const LAYERS = {
  core: [],
  autoid: ['core'],
  keys: ['core', 'autoid'],
  credentials: ['core', 'autoid', 'keys'],
  aws: ['core', 'autoid', 'keys', 'credentials'],
  node: ['core'],
  simulator: ['core'],
  standin: ['core', 'node'],
  server: ['core', 'autoid', 'keys', 'credentials', 'aws', 'node'],
  cli: ['core', 'autoid', 'keys', 'credentials', 'aws', 'node', 'server'],
  main: ['core', 'autoid', 'keys', 'credentials', 'aws', 'node'],
  preload: ['core'],
  renderer: ['core', 'preload'],
};

/**
 * Packages a pure layer may name: nothing but the schema library.
 * @type {Record<string, readonly string[]>}
 */
const PURE = { core: ['zod', 'temporal-polyfill'], autoid: ['hpke'] };

const SOURCES = fileURLToPath(new URL('../src', import.meta.url));

/**
 * Why a file may not import something; undefined if it may.
 * @param {string} file absolute path
 * @param {string} from what stands in the import
 * @returns {string | undefined}
 */
export function refusalOf(file, from) {
  const [layer = ''] = relative(SOURCES, file).split(sep);
  const allowed = LAYERS[layer] ?? [];
  if (/^(\.|\/|file:|#)/.test(from)) {
    const [target = ''] = relative(SOURCES, resolve(dirname(file), from)).split(sep);
    if (from.startsWith('.') && (target === layer || allowed.includes(target))) return undefined;
    // Data beside the sources is no code.
    if (from.startsWith('.') && target === '..' && from.endsWith('.json')) return undefined;
    return `src/${layer} may import only ${['itself', ...allowed].join(', ')}, by relative paths.`;
  }
  if (/^electron(\/|$)/.test(from) && layer !== 'main' && layer !== 'preload') return 'Only src/main knows Electron.';
  if (PURE[layer] !== undefined && !PURE[layer].includes(from))
    return `src/${layer} is pure: no Node, no Electron, no packages.`;
  return undefined;
}

/**
 * The lint rule: every import, whatever its form, judged by where it leads.
 * @type {import('eslint').Rule.RuleModule}
 */
export const layersRule = {
  create(context) {
    /** @param {import('estree').Node | null | undefined} source @param {import('estree').Node} node */
    const check = (source, node) => {
      if (!source) return;
      const isPlain = source.type === 'TemplateLiteral' && source.expressions.length === 0;
      const text = isPlain ? source.quasis[0]?.value.cooked : source.value;
      const message =
        typeof text === 'string'
          ? refusalOf(context.filename, text)
          : 'An import must say in plain text what it imports.';
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source, node),
      ExportNamedDeclaration: (node) => check(node.source, node),
      ExportAllDeclaration: (node) => check(node.source, node),
      ImportExpression: (node) => check(node.source, node),
      /** `import('./x.ts')` in a type. */
      TSImportType: (node) => check(node.source ?? node.argument?.literal, node),
      /** `import x = require('./x.ts')` */
      TSExternalModuleReference: (node) => check(node.expression, node),
    };
  },
};
