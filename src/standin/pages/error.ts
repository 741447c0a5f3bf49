/** Pages of the console that show no dashboard, with status 200. */
import { escapeHtml } from './escape.ts';

/** What stands in the middle of a console's own error page; the open dashboard's script puts it there, too. */
export const ERROR_MARKUP = `<svg viewBox="0 0 96 96" width="96" height="96" aria-hidden="true"><path d="M48 10 90 84H6Z" fill="none" stroke="#ffb454" stroke-width="6"/><path d="M48 38v22M48 68v6" stroke="#ffb454" stroke-width="6"/></svg>
<h1>Something went wrong</h1><p>We could not load this page. Choose Reload to try again. If the problem goes on, look at the health of the service, or come back later.</p>
<p><small>Request 5b1c7c0e-57a2-4c1f-9f0e-2f5c2a9b1d11</small></p>`;

export function errorPage(): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>CloudWatch | Error</title>
<link rel="stylesheet" href="/static/dashboard.css"></head>
<body data-state="error"><header class="bar"><span class="mark"></span><b>CloudWatch</b></header>
<main class="grid"><div class="note" role="alert">${ERROR_MARKUP}</div></main></body></html>
`;
}

/** @param colour as `#rrggbb` */
export function emptyPage(colour: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>CloudWatch</title></head><body style="margin:0;background:${escapeHtml(colour)}"></body></html>
`;
}
