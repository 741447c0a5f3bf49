/** The console's page before its data is there: chrome and skeleton. Everything else is drawn by the script. */
import fiducial from '../../../scripts/fiducial.json' with { type: 'json' };
import { escapeHtml } from './escape.ts';

export interface ShellOptions {
  readonly region: string;
  readonly arn: string;
  readonly alias: string;
  readonly account: string;
  readonly pollMs: number;
  readonly failuresBeforeEnd: number;
  /** Which load of a console page this is, counted over all. */
  readonly load: number;
  readonly signinUrl: string;
  /** The Issuer of the login, '' for none. */
  readonly issuer: string;
  /** Something in the page is never loaded. */
  readonly isStuck: boolean;
}

/** JSON that may stand inside a script element. */
function inlineJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', String.raw`\u003c`);
}

export function consoleShell(options: ShellOptions): string {
  const role = options.arn.split(':').at(-1)?.split('/').slice(1).join(' / ') ?? '';
  const { region, pollMs, failuresBeforeEnd, load, signinUrl, issuer } = options;
  const config = { region, pollMs, failuresBeforeEnd, load, signinUrl, issuer, fiducial };
  const skeleton = ['k', 'k', 'k', 'k', 'k', 'latency', 'traffic', 'alarms', 'queues', 'cpu', 'gauges', 'log'];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>CloudWatch | ${escapeHtml(region)}</title>
<link rel="stylesheet" href="/static/dashboard.css"></head>
<body data-state="loading">
<header class="bar"><span class="mark"></span><b>CloudWatch</b><span class="crumb">Dashboards</span><span class="crumb name" id="name"></span>
<span class="grow"></span><span class="fact"><small>Account</small>${escapeHtml(options.alias)} <em>${escapeHtml(options.account)}</em></span>
<span class="fact"><small>Role</small>${escapeHtml(role)}</span><span class="fact"><small>Region</small>${escapeHtml(region)}</span>
<span class="fact"><small>Session ends in</small><span id="left">–</span></span><time id="clock"></time></header>
${options.isStuck ? '<img src="/static/endless" width="1" height="1" alt="">' : ''}<main id="content" class="grid">${skeleton.map((area) => `<section class="card skeleton ${area}"></section>`).join('')}</main>
<script type="application/json" id="config">${inlineJson(config)}</script><script src="/static/dashboard.js"></script></body></html>
`;
}
