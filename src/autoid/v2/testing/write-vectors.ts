/** Writes the vectors anew: `node src/autoid/v2/testing/write-vectors.ts`. Only a new version of the protocol needs that. */
import { mkdir, writeFile } from 'node:fs/promises';
import { makeVectors } from './make-vectors.ts';

const folder = new URL('../vectors/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const [name, vector] of Object.entries(await makeVectors())) {
  await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(vector, undefined, 2)}\n`);
}
