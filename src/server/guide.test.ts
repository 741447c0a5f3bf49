/** The examples of docs/server.md are such as the server takes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { placesFromConfig } from './rotation/places/from-config.ts';
import { parseStoresConfig } from './stores/config.ts';
import { createStores } from './stores/create-stores.ts';

const text = readFileSync(fileURLToPath(new URL('../../docs/server.md', import.meta.url)), 'utf8');
const examples = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json = '']) => JSON.parse(json) as object);
const refuse = () => Promise.reject(new Error('nothing is asked for'));
const ports = {
  fetch: refuse,
  clock: { now: () => 0, monotonic: () => 0, sleep: refuse },
  logger: { log: () => undefined },
  audit: { append: refuse },
};

it('has examples of stores that can be made', async () => {
  const names = new Set<string>();
  for (const example of examples.filter((one) => !('places' in one))) {
    const stores = await createStores({ config: parseStoresConfig(example), env: {} }, ports);
    for (const name of stores.keys()) names.add(name);
  }
  expect([...names].sort()).toEqual(['console', 'secretsmanager', 'sts', 'vault']);
});

it('has an example of places, one of each kind', async () => {
  const [example] = examples.filter((one) => 'places' in one);
  const places = await placesFromConfig(example, { fetch: refuse, env: {}, folder: '/' });
  expect(places).toHaveLength(4);
});
