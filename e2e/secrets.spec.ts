import { readlinkSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Eavesdropper, eavesdrop } from './support/eavesdropper.ts';
import { openFront } from './support/front.ts';
import { environmentOf } from './support/processes.ts';
import { SCOPE, openRegistry } from './support/registry.ts';
import { askForSignIn, failToRenew, failToSignIn, renew } from './support/renewals.ts';
import { type Secret, SecretSearch } from './support/secret-search.ts';
import { READER, SECRET_NAME, type Stage, USER } from './support/stage.ts';
import { expect, test } from './support/test.ts';
import type { Wall } from './support/wall.ts';

const WRONG_SECRET = 'wR0nG8sEcRetKeyThatAwsRefuses7bQx2LmZt4K';

let eavesdropper: Eavesdropper;
test.beforeEach(() => {
  eavesdropper = eavesdrop();
});
test.afterEach(() => {
  eavesdropper.stop();
});

test('after renewals, failures and an orderly end, no secret is anywhere but where it came from', async ({
  stage,
  folders,
  startWall,
  tray,
}) => {
  const registry = await openRegistry(join(folders.root, 'registry'));
  const front = await openFront(registry.url);
  try {
    const generations = [stage.keys()];
    await registry.publish(stage.keys());
    const wall = startWall({
      environment: {
        AUTO_ID_KEYS_DIR: undefined,
        NPM_SCOPE: SCOPE,
        NPM_TOKEN: registry.token,
        VIGIL_NPM_REGISTRY: front.url,
      },
    });
    const watch = watchProcesses(wall, folders.root);
    await wall.isLive();
    await renew(wall, tray);

    front.misbehave({ status: 401 });
    generations.push(await stage.control.rotateKeys());
    await failToRenew(wall, tray);
    front.misbehave(undefined);
    await registry.publish(stage.keys());
    await failInEveryWay(stage, () => failToRenew(wall, tray));
    await renew(wall, tray);
    stage.control.endSessionsNow();
    await wall.says('session.waiting', { where: ({ code }) => code === 'CONSOLE_SIGNED_OUT' });
    await askForSignIn(wall, tray);
    await wall.isLive(4);
    const said = [await tray.toolTip(), ...(await tray.labels())];
    wall.kill('SIGTERM');
    expect(await wall.ended).toEqual({ code: 0, signal: null });
    const { commandLines, environments, written } = watch();

    const given: Secret = { name: 'the registry token', value: registry.token };
    const secrets = [...secretsOf(generations), ...eavesdropper.secrets];
    const search = new SecretSearch([...secrets, given]);
    expect(search.inText(wall.log.text(), 'log')).toEqual([]);
    expect(search.inText(wall.output, 'standard output and error')).toEqual([]);
    expect(search.inText(said.join('\n'), 'tray')).toEqual([]);
    expect(search.inText(commandLines.join('\n'), 'command lines')).toEqual([]);
    // The token was given in the environment, and so it is in it; nothing is added.
    expect(new SecretSearch(secrets).inText(environments.join('\n'), 'environments')).toEqual([]);
    const { files, findings } = search.inFolder(folders.root, [join(folders.root, 'registry'), folders.keys]);
    expect(findings).toEqual([]);
    expect(written).toEqual([]);

    // The search has had something to find, in the right places.
    expect(new Set(eavesdropper.secrets.map(({ name }) => name)).size).toBe(6);
    expect(files).toBeGreaterThan(10);
    expect(wall.log.text()).toContain(USER.accessKeyId);
    expect(commandLines.length).toBeGreaterThan(3);
    expect(search.inBytes(readFileSync(join(folders.root, 'registry', 'npmrc')), 'npmrc')).not.toEqual([]);
    expect(search.inText(stage.keys().entropy.slice(4_000, 4_064), 'a fragment')).not.toEqual([]);
  } finally {
    await front.stop();
    await registry.stop();
  }
});

test('notices tell no secret, and a wall that is killed outright leaves none behind', async ({
  stage,
  folders,
  driveWall,
  tray,
}) => {
  stage.control.putObject('keys', 'info2048.bin', Buffer.from(stage.keys().entropy));
  stage.control.putObject('keys', 'public.pem', Buffer.from(stage.keys().publicKey));
  await stage.control.fail('s3', { kind: 'down' });
  const wall = await driveWall({
    settings: { wall: { paintDeadlineSeconds: 10 } },
    environment: {
      AUTO_ID_KEYS_DIR: undefined,
      AUTO_ID_BUCKET: 'keys',
      ENTROPY_ACCESS_ID: READER.accessKeyId,
      ENTROPY_SECRET_KEY: READER.secretAccessKey,
      AWS_ENDPOINT_URL_S3: stage.urls.s3,
    },
  });
  const notices: string[] = [];
  const readNotice = async (code: unknown) => {
    const notice = await wall.notice();
    await expect(notice.locator('#code')).toHaveText(String(code));
    notices.push(await notice.locator('body').innerText());
  };
  await readNotice((await wall.says('session.waiting'))['code']);
  await stage.control.heal('s3');
  await failInEveryWay(stage, async () => {
    await readNotice((await failToSignIn(wall, tray))['code']);
  });
  await askForSignIn(wall, tray);
  await wall.isLive();
  await renew(wall, tray);
  wall.kill('SIGKILL');
  await wall.ended;

  const given: Secret = { name: 'the secret key of the bucket', value: READER.secretAccessKey };
  const search = new SecretSearch([...secretsOf([stage.keys()]), ...eavesdropper.secrets, given]);
  expect(notices.length).toBe(5);
  expect(search.inText(notices.join('\n'), 'notices')).toEqual([]);
  expect(search.inText(wall.log.text(), 'log')).toEqual([]);
  expect(search.inText(wall.output, 'standard output and error')).toEqual([]);
  expect(search.inFolder(folders.root, [folders.keys]).findings).toEqual([]);
});

/** Lets sign-ins fail where secrets are at hand, each time in another place; all is well again afterwards. */
async function failInEveryWay(stage: Stage, signIn: () => Promise<unknown>): Promise<void> {
  const { control } = stage;
  control.setSecret(SECRET_NAME, `${USER.accessKeyId},${WRONG_SECRET}`);
  await signIn();
  control.setSecret(SECRET_NAME, `${USER.accessKeyId};${USER.secretAccessKey}`);
  await signIn();
  control.setSecret(SECRET_NAME, `${USER.accessKeyId},${USER.secretAccessKey}`);
  await control.fail('federation', { kind: 'status', status: 400 });
  await signIn();
  await control.heal('federation');
  await control.fail('console', { kind: 'reset' });
  await signIn();
  await control.heal('console');
}

function secretsOf(generations: readonly { readonly entropy: string; readonly privateKey: string }[]): Secret[] {
  return [
    { name: "the user's secret key", value: USER.secretAccessKey },
    { name: 'the wrong secret key', value: WRONG_SECRET },
    ...generations.flatMap(({ entropy, privateKey }) => [
      { name: 'the entropy file', value: entropy },
      // Its first lines hold what the public key holds, too.
      { name: "the server's private key", value: privateKey.split('\n').slice(8).join('\n') },
    ]),
  ];
}

/**
 * Looks again and again at the wall's processes. The function returned ends that and tells every command line seen, the environments of
 * child processes, and files outside of `root` that were open for writing.
 */
function watchProcesses(
  wall: Wall,
  root: string,
): () => { commandLines: string[]; environments: string[]; written: string[] } {
  const commandLines = new Set<string>();
  const environments = new Set<string>();
  const written = new Set<string>();
  const look = () => {
    if (!wall.isRunning) return;
    for (const { pid, commandLine } of wall.processes()) {
      commandLines.add(commandLine);
      if (pid !== wall.pid) environments.add(environmentOf(pid));
      for (const path of openForWriting(pid)) if (!path.startsWith(root)) written.add(path);
    }
  };
  const timer = setInterval(look, 200);
  return () => {
    clearInterval(timer);
    return { commandLines: [...commandLines], environments: [...environments], written: [...written] };
  };
}

/** Regular files that a process may write to; memory that has only the form of a file is none. */
function openForWriting(pid: number): string[] {
  try {
    return readdirSync(`/proc/${String(pid)}/fd`).flatMap((fd) => {
      const path = readlinkSync(`/proc/${String(pid)}/fd/${fd}`);
      if (!path.startsWith('/') || /^\/(dev|proc|sys|memfd:)/.test(path)) return [];
      const flags = parseInt(
        /flags:\s*(\d+)/.exec(readFileSync(`/proc/${String(pid)}/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0',
        8,
      );
      return (flags & 3) === 0 ? [] : [path];
    });
  } catch {
    return []; // it has ended
  }
}
