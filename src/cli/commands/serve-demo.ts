/** `vigil serve --demo`: a server with everything made for it, to be tried in a minute and thrown away. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { webSuite } from '../../autoid/v2/suite.ts';
import type { Logger } from '../../core/ports.ts';
import { createNodeClock } from '../../node/clock.ts';
import { createNodeRandom } from '../../node/random.ts';
import { createDevices } from '../../server/devices/devices.ts';
import { STATE_FILE } from '../../server/data-folder.ts';
import { createDisk } from '../../server/rotation/disk.ts';
import { initKeys } from '../../server/rotation/init.ts';
import { openVault } from '../../server/rotation/open-vault.ts';
import { directoryPlace } from '../../server/rotation/places/directory-place.ts';
import { openOrMakeRoot } from '../../server/rotation/root.ts';
import { createRotator } from '../../server/rotation/rotator.ts';
import { createSeal } from '../../server/seal/open-seal.ts';
import { openSqliteState } from '../../server/state/sqlite.ts';
import { readOptions, runServer, untilSignal } from './serve.ts';

const NAME = 'wall-dashboards';
/** The keys that AWS's documentation uses as examples. */
const SECRET = 'AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const TTL_MS = 24 * 3_600_000;
const SILENT: Logger = { log: () => undefined };

/** What a demo folder has. */
export interface DemoFolder {
  readonly data: string;
  readonly secretsFile: string;
  /** What clients take their keys from. */
  readonly clientKeys: string;
  /** The activation code of one device. */
  readonly code: string;
}

/** Makes keys of both protocols, a file with one secret, and an invitation for one device in a new folder. */
export async function makeDemo(folder: string): Promise<DemoFolder> {
  const [clock, random] = [createNodeClock(), createNodeRandom()];
  const [data, clientKeys, secretsFile] = [join(folder, 'server'), join(folder, 'keys'), join(folder, 'secrets.json')];
  const sealer = await createSeal(data, { kind: 'key-file', path: join(data, 'seal.key') }, {});
  const vault = await openVault({ folder: data }, sealer);
  const root = await openOrMakeRoot(createDisk(), join(folder, 'root.key'), undefined);
  await initKeys({ vault, clock, root, serverId: 'demo', protocols: ['v1', 'v2'] });
  const places = [directoryPlace({ disk: createDisk(), folder: clientKeys })];
  await createRotator({ vault, places, clock, logger: SILENT }).advance();
  await writeFile(secretsFile, JSON.stringify({ [NAME]: SECRET }), { mode: 0o600 });
  const state = await openSqliteState({ file: join(data, STATE_FILE), clock });
  try {
    const devices = createDevices({ state, clock, random });
    const { code } = await devices.invite(
      { name: 'demo-1', allow: [`secretsmanager:${NAME}`], networks: [], ttlMs: TTL_MS },
      { suite: webSuite, sealer },
    );
    return { data, clientKeys, secretsFile, code };
  } finally {
    await state.close();
  }
}

/** Runs the demo until a signal ends it; then its folder is gone. */
export async function serveDemo(
  options: Readonly<Record<string, unknown>>,
  say: (text: string) => void,
): Promise<void> {
  const given = await readOptions(options);
  const folder = await mkdtemp(join(tmpdir(), 'vigil-demo-'));
  try {
    const demo = await makeDemo(folder);
    const { data, secretsFile } = demo;
    const server = await runServer(data, { ...given, protocols: { v1: true, v2: true }, fileSecrets: secretsFile });
    say(guide(server.url, folder, demo));
    await untilSignal();
    await server.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function guide(url: string, folder: string, { data, clientKeys, code }: DemoFolder): string {
  const device = join(folder, 'device.json');
  return `The demo server listens on ${url}. Everything of it is in ${folder}, and goes with it.

Enrol this machine as the device demo-1, with the code that it was invited by, and ask for its credentials:

  echo ${code} | vigil enrol --server ${url} --device ${device}
  vigil credentials --endpoint ${url} --protocol v2 --device ${device} --keys-source server --secret ${NAME}

See what the server wrote about it, and lock the device:

  vigil audit show --data ${data}
  vigil devices list --data ${data}
  vigil devices lock demo-1 --data ${data}

The same by protocol 1, whose clients share their keys and have no names:

  vigil credentials --endpoint ${url} --keys-dir ${clientKeys} --secret ${NAME}

Ctrl+C ends it.
`;
}
