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

/** Zones for `no-restricted-paths`: from inside a layer, every other layer not named above is out of bounds. */
export const layerZones = Object.entries(LAYERS).map(([layer, allowed]) => ({
  target: `./src/${layer}/**/!(*.test).ts`,
  from: Object.keys(LAYERS)
    .filter((other) => other !== layer && !allowed.includes(other))
    .map((other) => `./src/${other}`),
  message: `src/${layer} may import only ${['itself', ...allowed].join(', ')}.`,
}));
