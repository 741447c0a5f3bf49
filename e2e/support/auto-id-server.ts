import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeyPair, softwareSigner } from '../../src/autoid/v2/signatures.ts';
import { inviteInto } from '../../src/autoid/v2/testing/device.ts';
import { createNodeClock } from '../../src/node/clock.ts';
import { createNodeFileStore } from '../../src/node/file-store.ts';
import { createNodeFetch } from '../../src/node/http.ts';
import { listen } from '../../src/server/http.ts';
import { parseStoresConfig } from '../../src/server/stores/config.ts';
import { createStores } from '../../src/server/stores/create-stores.ts';
import { createWorld, newGenerationV2, type World } from '../../src/server/testing/world.ts';
import { ROLE, SECRET_NAME, type Stage, USER } from './stage.ts';

/** The auto-id server of the product, protocol 2 only, on a port of its own. Its AWS is the stage's. */
export interface AutoIdServer {
  readonly url: string;
  readonly world: World;
  /** A one-time code for a device that may have what the rule says. */
  invite(rule: string): Promise<string>;
  /** Makes these generations the accepted ones, the current one first. */
  serve(...generations: readonly number[]): Promise<void>;
  /** What a wall is told instead of the stage's own server and keys. */
  environment(code: string, deviceFile: string): Record<string, string | undefined>;
  stop(): Promise<void>;
}

export async function startAutoIdServer(stage: Stage, folder: string): Promise<AutoIdServer> {
  const clock = createNodeClock();
  const quiet = { log: () => undefined };
  const fileSecrets = join(folder, 'server-secrets.json');
  const secret = `${USER.accessKeyId},${USER.secretAccessKey}`;
  await writeFile(fileSecrets, JSON.stringify({ [SECRET_NAME]: secret }), { mode: 0o600 });
  const { urls } = stage;
  const config = parseStoresConfig({
    aws: { region: 'eu-west-1', endpoints: { all: urls.sts }, federationUrl: urls.federation },
    console: { roles: { wall: { arn: ROLE, destinations: [`${urls.console}/*`] } } },
  });
  const env = { AWS_ACCESS_KEY_ID: USER.accessKeyId, AWS_SECRET_ACCESS_KEY: USER.secretAccessKey };
  const audit = { append: () => Promise.resolve() };
  const ports = { fetch: createNodeFetch({ proxy: 'none' }), clock, logger: quiet, audit };
  const stores = await createStores({ config, env, fileSecrets }, ports);
  const world = await createWorld({ clock, stores: [...stores.values()], keysEveryMs: 100 });
  const root = await softwareSigner(await generateKeyPair('ed25519'));
  const all = await Promise.all([1, 2, 3].map((one) => newGenerationV2(root, one, clock.now() + 86_400_000)));
  const files = createNodeFileStore();
  const listening = await listen({
    ...{ app: world.app, host: '127.0.0.1', port: 0, trustedProxies: [], files, logger: quiet },
  });
  const server: AutoIdServer = {
    url: listening.url,
    world,
    invite: async (rule) => (await inviteInto(world, rule)).code,
    async serve(...generations) {
      const v2 = generations.flatMap((wanted) => all.filter(({ generation }) => generation === wanted));
      world.keys = { ...world.keys, root: root.publicKey, v1: [], v2, version: `generations ${generations.join()}` };
      while (world.server.keys.current().keys.version !== world.keys.version) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    environment: (code, deviceFile) => ({
      AUTO_ID_API_ENDPOINT: listening.url,
      AUTO_ID_KEYS_DIR: undefined,
      VIGIL_SERVER_PROTOCOL: 'v2',
      VIGIL_DEVICE_FILE: deviceFile,
      VIGIL_ACTIVATION_CODE: code,
    }),
    async stop() {
      await listening.stop(1000);
      world.server.stop();
    },
  };
  await server.serve(1);
  return server;
}
