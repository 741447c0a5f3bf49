/**
 * A process that rotates the keys in a folder, over and over, until it is killed: `node rotate-process.ts FOLDER KEY`, the
 * sealing key in hex. It says `ready` once it has begun.
 */
import { join } from 'node:path';
import { createNodeClock } from '../../../node/clock.ts';
import { keysFrom } from '../../seal/local-keys.ts';
import { createSealer } from '../../seal/sealer.ts';
import { directoryVault } from '../directory-vault.ts';
import { createDisk } from '../disk.ts';
import { directoryPlace } from '../places/directory-place.ts';
import { createRotator } from '../rotator.ts';

const [folder = '', key = ''] = process.argv.slice(2);
const disk = createDisk();
const sealer = createSealer(keysFrom(Buffer.from(key, 'hex'), 'a key'));
const rotator = createRotator({
  vault: directoryVault({ disk, folder: join(folder, 'vault'), sealer }),
  places: ['one', 'two'].map((name) => directoryPlace({ disk, folder: join(folder, name) })),
  clock: createNodeClock(),
  logger: { log: () => undefined },
  takeUpMs: 5,
});
process.stdout.write('ready\n');
for (;;) await rotator.rotate({ overlapMs: 3600_000 });
