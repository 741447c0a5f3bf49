import { createServer } from 'node:http';
import { readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { openOddConsole, variedPage } from './support/odd-console.ts';
import { expect, test } from './support/test.ts';

test('a console page can neither open windows, nor lead elsewhere, nor save files', async ({ driveWall, folders }) => {
  const foreign = await openForeignSite();
  const odd = await openOddConsole({ html: variedPage('<a id="link">away</a>') });
  odd.page('/cloudwatch/away', { redirect: foreign.url });
  try {
    const wall = await driveWall({ environment: odd.environment });
    await wall.isLive();
    const page = await wall.console();
    const address = page.url();
    const pages = () => wall.app.windows().filter((one) => !one.isClosed()).length;
    const before = pages();
    await page.evaluate('globalThis.mark = 1');

    expect(await page.evaluate(`window.open(${JSON.stringify(foreign.url)}) === null`)).toBe(true);
    for (const leave of [
      clickLink(foreign.url, ''),
      clickLink(foreign.url, '_blank'),
      clickLink('/cloudwatch/away', ''),
      clickLink('file:///etc/passwd', ''),
      clickLink('vigil://notice/index.html', ''),
      clickLink('mailto:somebody@example.com', ''),
      `location.assign(${JSON.stringify(foreign.url)})`,
      `document.body.insertAdjacentHTML('beforeend', '<form method="post" action="${foreign.url}"></form>'); document.forms[0].submit()`,
      `document.head.insertAdjacentHTML('beforeend', '<meta http-equiv="refresh" content="0;url=${foreign.url}">')`,
    ]) {
      await page.evaluate(leave);
    }
    await expect.poll(() => odd.visits).toContain('/cloudwatch/away');
    await expect.poll(() => wall.log.of('view.navigation-refused').length).toBeGreaterThanOrEqual(4);
    // A file whose content comes from the page, and one that a server sends.
    for (const download of [`URL.createObjectURL(new Blob(['x'.repeat(99)]))`, `'/cloudwatch/home'`]) {
      await page.evaluate(
        `{ const a = document.createElement('a'); a.href = ${download}; a.download = 'saved.txt'; a.click(); }`,
      );
    }
    // What went before has had its turn once a call of the page has gone to the server and come back.
    await page.evaluate(`fetch('/cloudwatch/home').then((answer) => answer.text())`);

    expect(page.url()).toBe(address);
    expect(await page.evaluate('globalThis.mark')).toBe(1);
    expect(pages()).toBe(before);
    expect(foreign.visits).toEqual([]);
    expect(new Set(wall.log.of('view.navigation-refused').map(({ host }) => host))).toContain(
      new URL(foreign.url).host,
    );
    expect(readdirSync(folders.home).filter((name) => !name.startsWith('.'))).toEqual([]);
    expect(readdirSync(folders.root, { recursive: true }).filter((name) => String(name).includes('saved'))).toEqual([]);
    expect(wall.log.of('session.live')).toHaveLength(1);
  } finally {
    await odd.stop();
    await foreign.stop();
  }
});

test('a console page is given no permission, no dialog, and nothing of the program', async ({ driveWall }) => {
  const wall = await driveWall();
  await wall.isLive();
  const page = await wall.console();
  const refused = (call: string) =>
    page.evaluate<string>(
      `(async () => { try { await ${call}; return 'given'; } catch (error) { return error.name; } })()`,
    );

  expect(await page.evaluate('Notification.requestPermission()')).toBe('denied');
  for (const name of ['geolocation', 'notifications', 'camera', 'microphone', 'midi', 'persistent-storage']) {
    const state = await page.evaluate<string>(
      `navigator.permissions.query({ name: '${name}' }).then(({ state }) => state)`,
    );
    expect.soft(state, name).toBe('denied');
  }
  expect(
    await refused(
      'navigator.mediaDevices?.getUserMedia({ audio: true, video: true }) ?? Promise.reject(new DOMException())',
    ),
  ).not.toBe('given');
  expect(
    await refused('new Promise((_, no) => navigator.geolocation.getCurrentPosition(_, () => no(new DOMException())))'),
  ).not.toBe('given');
  expect(await refused('navigator.clipboard?.readText() ?? Promise.reject(new DOMException())')).not.toBe('given');
  // Dialogs come back at once, with nobody's answer.
  expect(await page.evaluate(`JSON.stringify([alert('?') ?? null, confirm('?')])`)).toBe('[null,false]');
  expect(await page.evaluate('[typeof require, typeof process, typeof vigil, typeof electron]')).toEqual(
    Array(4).fill('undefined'),
  );
});

test('every page runs locked down, with what Electron itself says of it', async ({ driveWall }) => {
  const wall = await driveWall();
  await wall.isLive();
  const all = await wall.app.evaluate(({ webContents }) =>
    webContents.getAllWebContents().map((contents) => {
      contents.openDevTools();
      return {
        url: contents.getURL(),
        devTools: contents.isDevToolsOpened(),
        // Not among the types: what is in force, as against what was asked for.
        preferences: (contents as unknown as { getLastWebPreferences(): object }).getLastWebPreferences(),
        preloads: contents.session.getPreloads(), // eslint-disable-line @typescript-eslint/no-deprecated -- its successor is not on 33
      };
    }),
  );
  expect(all.map(({ url }) => new URL(url).protocol).sort()).toEqual(['http:', 'vigil:']);
  for (const { url, devTools, preferences, preloads } of all) {
    expect.soft(preferences, url).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
    });
    expect.soft(preloads, url).toEqual([]);
    expect.soft(devTools, url).toBe(false);
  }
  const globals = '[typeof require, typeof process, typeof electron]';
  const inWorker = `new Promise((resolve) => {
    const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(${globals})'])));
    worker.onmessage = ({ data }) => resolve(data);
  })`;
  const page = await wall.console();
  expect(await page.evaluate(globals)).toEqual(Array(3).fill('undefined'));
  expect(await page.evaluate(inWorker)).toEqual(Array(3).fill('undefined'));
  expect(await page.evaluate('typeof vigil')).toBe('undefined');
});

test('a page that takes its own picture away is brought back by the same sign-in', async ({
  stage,
  monitor,
  driveWall,
}) => {
  const wall = await driveWall();
  await wall.isLive();
  await monitor.shows('dashboard');
  await (await wall.console()).evaluate(`void (location.href = 'about:blank')`).catch(() => undefined);
  expect(await wall.says('view.gone')).toMatchObject({ view: 1, code: 'CONSOLE_LOAD_FAILED' });
  await wall.says('surface.shows', { where: ({ view }) => view === 2 });
  await monitor.shows('dashboard');

  // Reloads itself just when the console fails: this time the picture can be kept.
  const watching = await monitor.watch();
  await watching.sees('dashboard');
  stage.control.failPages({ kind: 'status', status: 500 }, {}, 1);
  await (await wall.console()).evaluate('void location.reload()');
  await wall.says('view.error-page', { where: ({ status }) => status === 500 });
  expect(await wall.says('view.doubted')).toMatchObject({ view: 2, code: 'CONSOLE_LOAD_FAILED' });
  await wall.says('surface.shows', { where: ({ view }) => view === 3 });
  await watching.sees('dashboard');
  const seen = await watching.stop();
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  expect(wall.log.of('session.live')).toHaveLength(1);
  expect(stage.asked('sts', 'AssumeRole')).toHaveLength(1);
});

test('our own page runs its own script only, and can do nothing but listen and forget', async ({
  stage,
  driveWall,
}) => {
  await stage.control.fail('autoid', { kind: 'down' });
  const wall = await driveWall();
  await wall.says('session.waiting');
  const notice = await wall.notice();
  expect(await notice.evaluate('Object.keys(vigil)')).toEqual(['onNotice', 'forgetUnused']);
  expect(await notice.evaluate('[typeof require, typeof process, typeof electron]')).toEqual(
    Array(3).fill('undefined'),
  );
  const broken = await notice.evaluate(async (elsewhere) => {
    const directives: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => directives.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'globalThis.planted = true';
    const remote = document.createElement('script');
    remote.src = elsewhere;
    const image = document.createElement('img');
    image.src = elsewhere;
    document.body.append(script, remote, image);
    document.body.setAttribute('onclick', 'globalThis.planted = true');
    document.body.click();
    const call = await fetch(elsewhere).then(
      () => 'sent',
      () => 'refused',
    );
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return { directives: [...new Set(directives)].sort(), call, planted: 'planted' in globalThis };
  }, stage.urls.sts);
  expect(broken.planted).toBe(false);
  expect(broken.call).toBe('refused');
  expect(broken.directives).toEqual(['connect-src', 'img-src', 'script-src-attr', 'script-src-elem']);
});

test('keys and pointer leave the dashboard as it is', async ({ monitor, driveWall }) => {
  const wall = await driveWall();
  await wall.isLive();
  const page = await wall.console();
  await page.evaluate(`globalThis.keys = []; addEventListener('keydown', ({ key }) => keys.push(key), true)`);
  const state = () =>
    page.evaluate<string>(
      'JSON.stringify([innerWidth, innerHeight, devicePixelRatio, location.href, document.fullscreenElement])',
    );
  const before = await state();
  const pages = wall.app.windows().length;

  monitor.xdotool(['mousemove', '900', '1040', 'click', '1', 'click', '3']);
  await reaches('Home');
  const shortcuts =
    'F1 F3 F5 F6 F7 F11 F12 Escape ctrl+r ctrl+shift+r ctrl+w ctrl+q ctrl+t ctrl+n ctrl+p ctrl+s ctrl+u ctrl+f ctrl+plus ctrl+minus ctrl+0';
  const more =
    'ctrl+shift+i ctrl+shift+j ctrl+shift+c ctrl+shift+w alt+Left alt+Right alt+Home alt+F4 BackSpace Return a super+l ctrl+Tab';
  for (const key of `${shortcuts} ${more}`.split(' ')) monitor.xdotool(['key', '--clearmodifiers', key]);
  await reaches('End');

  expect(await page.evaluate('keys')).toEqual(['Home', 'End']);
  expect(await state()).toBe(before);
  expect(wall.app.windows()).toHaveLength(pages);
  expect(await devTools(wall.app)).toBe(false);
  expect(monitor.windows('Vigil')).toEqual([{ x: 0, y: 0, width: 1920, height: 1080 }]);
  expect(wall.log.of('session.live')).toHaveLength(1);
  await monitor.shows('dashboard');

  /** Presses a key that pages may have, and waits until the page has it: what was pressed before has had its turn. */
  async function reaches(key: string): Promise<void> {
    monitor.xdotool(['key', key]);
    await expect.poll(() => page.evaluate('keys.at(-1)')).toBe(key);
  }
  function devTools(app: typeof wall.app): Promise<boolean> {
    return app.evaluate(({ webContents }) =>
      webContents.getAllWebContents().some((contents) => contents.isDevToolsOpened()),
    );
  }
});

test('a second start says that a wall is running already, and leaves that one alone', async ({
  monitor,
  startWall,
}) => {
  const first = startWall();
  await first.isLive();
  const second = startWall();
  expect(await second.ended).toEqual({ code: 2, signal: null });
  expect(second.output).toContain('vigil: USAGE: A wall is running already for this user.\n');
  expect(first.isRunning).toBe(true);
  expect(first.log.of('wall.start')).toHaveLength(1);
  await monitor.shows('dashboard');
});

function clickLink(href: string, target: string): string {
  return `{ const a = document.createElement('a'); a.href = ${JSON.stringify(href)}; a.target = '${target}'; document.body.append(a); a.click(); a.remove(); }`;
}

/** A site that a wall has no business with. */
async function openForeignSite(): Promise<{ url: string; visits: string[]; stop(): Promise<void> }> {
  const visits: string[] = [];
  const server = createServer((request, response) => {
    visits.push(request.url ?? '');
    response.end('<title>Elsewhere</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/elsewhere`,
    visits,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
