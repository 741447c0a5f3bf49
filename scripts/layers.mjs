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
  standin: ['core', 'node'],
  cli: ['core', 'autoid', 'keys', 'credentials', 'aws', 'node'],
  main: ['core', 'autoid', 'keys', 'credentials', 'aws', 'node'],
  preload: ['core'],
  renderer: ['core', 'preload'],
};

// Packages a pure layer may name: nothing but the schema library.
const PURE = { core: ['zod'], autoid: [] };

/**
 * The patterns of `no-restricted-imports` for one layer.
 * @param {string} layer
 */
export function forbiddenImports(layer) {
  const allowed = LAYERS[layer] ?? [];
  const others = Object.keys(LAYERS).filter((other) => other !== layer && !allowed.includes(other));
  const patterns = [
    {
      regex: `^(\\.\\./)+(${others.join('|')})/`,
      message: `src/${layer} may import only ${['itself', ...allowed].join(', ')}.`,
    },
  ];
  if (layer !== 'main' && layer !== 'preload')
    patterns.push({ regex: '^electron(/|$)', message: 'Only src/main knows Electron.' });
  const packages = PURE[layer];
  if (packages) {
    const except = ['\\.', ...packages.map((name) => `${name}$`)].join('|');
    patterns.push({ regex: `^(?!${except})`, message: `src/${layer} is pure: no Node, no Electron, no packages.` });
  }
  return patterns;
}
