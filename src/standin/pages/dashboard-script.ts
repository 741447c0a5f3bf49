/**
 * The dashboard's script, as served. It rewrites older fragments, polls for data, draws, and reacts to the end of the
 * session as a console might. Plain browser JavaScript: charts are drawn once per poll, text once a second.
 */
import { dashboardCharts } from './dashboard-charts.ts';
import { dashboardTricks } from './dashboard-tricks.ts';

export const dashboardScript = String.raw`'use strict';
const config = JSON.parse(document.getElementById('config').textContent);
const byId = (id) => document.getElementById(id);
const content = byId('content');
const COLOURS = ['#4cc2ff', '#9d8cff', '#ffb454', '#4fd6a0'];
let shown = '';
let name = '';
let failures = 0;
let latest;
let clockOffset = 0;
let timer;
let stopped = false;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** "#dashboards:name=Main;start=PT3H" becomes "#dashboards/dashboard/Main?start=PT3H"; returns the dashboard's name. */
function readFragment() {
  const old = /^#dashboards:name=([^;?&]*)(.*)$/.exec(location.hash);
  if (old) history.replaceState(null, '', '#dashboards/dashboard/' + old[1] + old[2].replace(/^;/, '?').replace(/;/g, '&'));
  const now = /^#dashboards\/dashboard\/([^?;]*)/.exec(location.hash);
  try {
    return now ? decodeURIComponent(now[1]) : '';
  } catch {
    return now[1];
  }
}

const two = (n) => String(n).padStart(2, '0');
const time = (d) => two(d.getHours()) + ':' + two(d.getMinutes()) + ':' + two(d.getSeconds());
const number = (v) => (v >= 1000 ? Math.round(v).toLocaleString('en-US') : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2));

function tick() {
  byId('clock').textContent = time(new Date());
  if (latest?.session) {
    const left = Math.max(0, Math.round((latest.session.endsAt - Date.now() - clockOffset) / 1000));
    const h = Math.floor(left / 3600);
    byId('left').textContent = (h ? h + ':' + two(Math.floor(left / 60) % 60) : Math.floor(left / 60)) + ':' + two(left % 60);
    byId('left').parentElement.classList.toggle('soon', left < 300);
  }
  setTimeout(tick, 1000 - (Date.now() % 1000));
}

/** Sixteen coloured squares by which a screen capture knows that the dashboard is there, and cells that say which and what it shows. */
function showStrip() {
  const { squares, squareCssPx, x, y, code } = config.fiducial;
  const colours = [...squares, ...[...latest.strip].map((digit) => code.palette[digit])];
  const strip = byId('strip') ?? document.body.appendChild(element('div'));
  strip.id = 'strip';
  strip.style.left = x + 'px';
  strip.style.top = y + 'px';
  colours.forEach((colour, i) => {
    const square = strip.children[i] ?? strip.appendChild(element('i'));
    square.style.cssText = 'width:' + squareCssPx + 'px;height:' + squareCssPx + 'px;background:' + colour;
  });
}

${dashboardCharts}

${dashboardTricks}

function card(area, title, note, series) {
  const made = element('section', 'card ' + area);
  if (title) {
    const head = element('h2', '', title);
    if (note) head.append(element('span', '', note));
    if (series) {
      const legend = element('span', 'legend');
      series.forEach((s, n) => {
        const entry = element('span');
        const line = element('i');
        line.style.background = COLOURS[n];
        entry.append(line, s);
        legend.append(entry);
      });
      head.append(legend);
    }
    made.append(head);
  }
  return made;
}

const canvasIn = (parent) => parent.querySelector('canvas') ?? parent.appendChild(element('canvas'));

function build() {
  content.replaceChildren(
    ...latest.tiles.map((tile) => {
      const made = card('k');
      const figure = element('div', 'figure');
      figure.append(element('small', '', tile.title), element('div', 'value'), element('div', 'delta'));
      figure.querySelector('small').style.fontSize = '.92rem';
      made.append(figure, element('canvas'));
      return made;
    }),
    card('latency', 'Request latency', 'gateway, ms', ['p50', 'p95', 'p99']),
    card('traffic', 'Traffic', 'requests per second', ['web', 'mobile', 'partners', 'batch']),
    card('alarms', 'Alarms', ''),
    card('queues', 'Messages waiting', 'per queue'),
    card('cpu', 'CPU', 'percent of fleet', ['api', 'workers', 'cache']),
    card('gauges', 'Capacity', ''),
    card('log', 'Log', 'all services, newest first'),
  );
  for (const area of ['latency', 'traffic', 'cpu']) content.querySelector('.' + area).append(element('canvas'));
  for (const area of ['alarms', 'queues']) content.querySelector('.' + area).append(element('ul'));
  content.querySelector('.alarms h2').append(element('span', 'count'));
  content.querySelector('.log').append(element('table'));
}

const ARC = 'M 22.4 77.6 A 39 39 0 1 1 77.6 77.6';
const ARC_LENGTH = 183.8;

function drawGauges() {
  const box = content.querySelector('.gauges');
  if (box.querySelectorAll('div').length === 0) {
    for (const gauge of latest.gauges) {
      const row = element('div');
      row.innerHTML =
        '<svg viewBox="0 0 100 92"><path d="' + ARC + '" fill="none" stroke="#1c283a" stroke-width="11" stroke-linecap="round"/>' +
        '<path class="value" d="' + ARC + '" fill="none" stroke-width="11" stroke-linecap="round"/>' +
        '<text x="50" y="58" text-anchor="middle" font-size="23" font-weight="600" fill="#e4ebf2"></text></svg><p></p>';
      row.querySelector('p').textContent = gauge.name;
      box.append(row);
    }
  }
  latest.gauges.forEach((gauge, i) => {
    const row = box.querySelectorAll('div')[i];
    const over = (limit) => (gauge.lowIsBad ? gauge.value < limit : gauge.value > limit);
    const arc = row.querySelector('.value');
    arc.setAttribute('stroke', over(gauge.bad) ? '#ff6470' : over(gauge.warn) ? '#ffb454' : '#4fd6a0');
    arc.setAttribute('stroke-dasharray', (ARC_LENGTH * gauge.value) / 100 + ' 400');
    row.querySelector('text').textContent = Math.round(gauge.value) + '%';
  });
}

function drawList(selector, items, fill) {
  const list = content.querySelector(selector);
  while (list.children.length < items.length) list.append(element('li'));
  items.forEach((item, i) => fill(list.children[i], item));
}

function draw() {
  [...content.querySelectorAll('.k')].forEach((made, i) => {
    const tile = latest.tiles[i];
    const worse = tile.goodWhenLower ? tile.delta > 2 : tile.delta < -2;
    made.querySelector('.value').innerHTML = number(tile.value) + (tile.unit ? '<u>' + tile.unit + '</u>' : '');
    const delta = made.querySelector('.delta');
    delta.classList.toggle('bad', worse);
    delta.innerHTML = '<b>' + (tile.delta >= 0 ? '▲ ' : '▼ ') + Math.abs(tile.delta).toFixed(1) + ' %</b> in 15 min';
    spark(canvasIn(made), tile.spark, worse ? '#ff6470' : COLOURS[0]);
  });
  lines(canvasIn(content.querySelector('.latency')), latest.latency, '');
  stacked(canvasIn(content.querySelector('.traffic')), latest.traffic, '');
  lines(canvasIn(content.querySelector('.cpu')), latest.cpu, '%', 100);
  drawGauges();
  drawList('.alarms ul', latest.alarms, (item, alarm) => {
    item.className = alarm.state;
    item.textContent = alarm.name;
  });
  const firing = latest.alarms.filter((alarm) => alarm.state === 'alarm').length;
  content.querySelector('.alarms .count').textContent = firing ? firing + ' in alarm' : 'all clear';
  const most = Math.max(...latest.queues.map((queue) => queue.value), 500);
  drawList('.queues ul', latest.queues, (item, queue) => {
    if (!item.firstChild) item.innerHTML = '<span></span><span class="track"><i></i></span><span></span>';
    item.firstChild.textContent = queue.name;
    item.querySelector('i').style.width = (100 * queue.value) / most + '%';
    item.querySelector('i').className = queue.value > 400 ? 'high' : '';
    item.lastChild.textContent = number(queue.value).replace('.0', '');
  });
}

function drawLog(lines, refusal) {
  const box = content.querySelector('.log');
  if (refusal) {
    box.lastChild.replaceWith(element('div', 'refused', refusal));
    return;
  }
  const table = element('table');
  for (const line of lines) {
    const row = table.insertRow();
    row.className = line.level;
    for (const text of [time(new Date(line.time)), line.level, line.service, line.text]) row.insertCell().textContent = text;
  }
  box.lastChild.replaceWith(table);
}

function note(key, sign, title, text, links) {
  if (shown === key) return;
  shown = key;
  document.body.dataset.state = key;
  byId('strip')?.remove();
  const box = element('div', 'note');
  if (sign) box.append(element('div', 'sign', sign));
  box.append(element('h1', '', title), element('p', '', text));
  if (links) {
    const list = element('ul');
    for (const link of links) {
      const item = element('li');
      const anchor = element('a', '', link);
      anchor.href = '#dashboards/dashboard/' + encodeURIComponent(link);
      item.append(anchor);
      list.append(item);
    }
    box.append(list);
  }
  content.replaceChildren(box);
}

/** The session is over: what a console does then is not documented, so all the ways are here. */
function sessionEnded(mode) {
  if (mode === 'redirect') location.href = config.signinUrl;
  else if (mode === 'issuer') location.href = config.issuer || config.signinUrl;
  else if (mode === 'dialog' && !byId('ended')) {
    const ended = element('div');
    ended.id = 'ended';
    ended.innerHTML = '<div role="dialog"><h1>You have been signed out</h1><p>Your session has ended. Sign in again to go on working in the console.</p><a>Sign in again</a></div>';
    ended.querySelector('a').href = config.signinUrl;
    document.body.append(ended);
    byId('strip')?.remove(); // what a dialog covers is no longer a dashboard to look at
  }
}

async function ask(part) {
  const query = new URLSearchParams({ part, region: config.region, load: config.load });
  if (name) query.set('dashboard', name);
  const response = await fetch('/cloudwatch/data?' + query, { cache: 'no-store' });
  return { status: response.status, trick: response.headers.get('x-standin-trick'), body: await response.json() };
}

async function refresh() {
  name = readFragment();
  byId('name').textContent = name;
  const [main, log] = await Promise.all([ask('main'), ask('log')]);
  const denied = main.body.widgets ?? 0;
  for (let i = 1; i <= denied; i++) await ask('widget-' + i);
  if (main.trick) play(JSON.parse(main.trick));
  if (main.status === 401) {
    failures += 1;
    if (failures >= config.failuresBeforeEnd) sessionEnded(main.body.onSessionEnd);
    return;
  }
  failures = 0;
  if (spoiled) return;
  if (main.status === 404) return note('missing', '?', 'No such dashboard', 'There is no dashboard named “' + name + '” in this account and region.');
  if (main.status === 403 && main.body.code === 'AccessDenied') return note('denied', '!', 'Access denied', main.body.message);
  if (main.body.dashboards) return note('list', '', 'Dashboards', main.body.dashboards.length + ' in this account.', main.body.dashboards);
  // What fails for a while takes no picture away.
  document.body.dataset.data = main.status === 200 ? 'fresh' : 'failed';
  if (main.status !== 200) return;
  latest = main.body;
  clockOffset = latest.time - Date.now();
  if (shown !== 'dashboard:' + name) {
    shown = 'dashboard:' + name;
    build();
  }
  draw();
  if (log.status === 200) drawLog(log.body.lines);
  else drawLog([], log.body.message);
  document.title = name + ' | CloudWatch';
  document.body.dataset.state = 'ready';
  showStrip();
}

async function poll() {
  clearTimeout(timer);
  try {
    await refresh();
  } catch {
    // The network is not the session: keep what is shown and ask again.
  }
  if (!stopped) timer = setTimeout(poll, config.pollMs);
}

tick();
poll();
addEventListener('hashchange', poll);
addEventListener('resize', () => document.body.dataset.state === 'ready' && draw());
`;
