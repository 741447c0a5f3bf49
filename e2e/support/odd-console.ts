import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the console answers for an address: a page, or where it leads. */
export type OddPage = { readonly html: string; readonly status?: number } | { readonly redirect: string };

/**
 * A sign-in and a console in one, which takes every login and whose pages are whatever a test wants: for what the stand-in, which behaves
 * as AWS does, never shows.
 */
export interface OddConsole {
  /** For VISIT_URL and VIGIL_FEDERATION_URL. */
  readonly environment: Readonly<Record<string, string>>;
  readonly url: string;
  /** Path and query of each request for a page. */
  readonly visits: readonly string[];
  /** Sets the page at a path; the dashboard's is `/cloudwatch/home`. */
  page(path: string, page: OddPage): void;
  stop(): Promise<void>;
}

export async function openOddConsole(dashboard: OddPage): Promise<OddConsole> {
  const pages = new Map<string, OddPage>([['/cloudwatch/home', dashboard]]);
  const visits: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://console.localhost');
    if (url.pathname === '/federation' && request.method === 'POST') {
      request.resume();
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"SigninToken":"a-token-of-the-odd-console"}');
      return;
    }
    const page: OddPage | undefined =
      url.pathname === '/federation'
        ? { redirect: url.searchParams.get('Destination') ?? '/' }
        : pages.get(url.pathname);
    if (url.pathname !== '/federation') visits.push(request.url ?? '');
    if (page === undefined) response.writeHead(404).end('There is no such page.');
    else if ('redirect' in page) response.writeHead(302, { location: page.redirect }).end();
    else response.writeHead(page.status ?? 200, { 'content-type': 'text/html; charset=utf-8' }).end(page.html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = String((server.address() as AddressInfo).port);
  const url = `http://console.localhost:${port}`;
  return {
    environment: {
      VISIT_URL: `${url}/cloudwatch/home?region=eu-west-1#dashboards:name=Odd`,
      VIGIL_FEDERATION_URL: `http://127.0.0.1:${port}/federation`,
    },
    url,
    visits,
    page: (path, page) => void pages.set(path, page),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A page with something to see. @param extra goes into its body */
export function variedPage(extra = ''): string {
  const bars = Array.from(
    { length: 24 },
    (_, i) => `<rect x="${String(i * 50)}" y="${String((i * 37) % 300)}" width="36" height="400"/>`,
  );
  return `<!doctype html><title>Odd</title><body style="margin:0;background:#123">
<svg width="1200" height="700" fill="#fc3">${bars.join('')}</svg>${extra}`;
}
