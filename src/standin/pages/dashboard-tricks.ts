/**
 * The part of the dashboard's script that misbehaves when the control says so (`PageTrick` in `misbehaviour.ts`). It uses `byId`, `element`,
 * `config` and the page's timers.
 */
import { ERROR_MARKUP } from './error.ts';

export const dashboardTricks = String.raw`const ERROR_MARKUP = ${JSON.stringify(ERROR_MARKUP)};
const leaked = [];
/** '' while all is well, else what became of the picture; data is asked for all the same. */
let spoiled = '';

/** One colour over everything. */
function cover(colour) {
  const sheet = element('div');
  sheet.style.cssText = 'position:fixed;inset:0;z-index:99;background:' + colour;
  document.body.append(sheet);
}

function showError() {
  byId('strip')?.remove();
  const box = element('div', 'note');
  box.setAttribute('role', 'alert');
  box.innerHTML = ERROR_MARKUP;
  content.replaceChildren(box);
  document.body.dataset.state = 'error';
}

/** Layout follows nested elements on the stack of the thread, which ends before they do; then memory does. */
function crash() {
  let deepest = document.body;
  for (let depth = 20000; depth <= 320000; depth *= 4) {
    for (let i = 0; i < depth; i++) deepest = deepest.appendChild(element('div'));
    document.body.offsetWidth;
  }
  const text = document.createTextNode('');
  for (;;) text.appendData('x'.repeat(2 ** 28));
}

function leak(bytesPerSecond) {
  setInterval(() => leaked.push(new Uint8Array(Math.ceil(bytesPerSecond / 4)).fill(1)), 250);
}

function bounce(by) {
  if (by === 'redirect') {
    location.href = config.signinUrl + location.hash;
    return;
  }
  const frame = element('iframe');
  frame.hidden = true;
  frame.src = config.signinUrl;
  document.body.append(frame);
  setTimeout(() => frame.remove(), 10000);
}

function play(trick) {
  document.body.dataset.trick = trick.kind;
  switch (trick.kind) {
    case 'white':
    case 'one-colour':
      cover(trick.colour ?? '#ffffff');
      break;
    case 'error-page':
      spoiled = 'error';
      showError();
      break;
    case 'still':
      spoiled = 'still';
      break;
    case 'stop':
      stopped = true;
      break;
    case 'busy':
      for (;;);
    case 'leak':
      leak(trick.bytesPerSecond);
      break;
    case 'crash':
      crash();
      break;
    case 'reload':
      location.reload();
      break;
    case 'leave':
      location.href = 'about:blank';
      break;
    case 'drop-cookies':
      // Its domain is the console's, without a region in front.
      document.cookie = 'aws-userInfo=; Domain=' + /console\..+$/.exec(location.hostname)[0] + '; Path=/; Max-Age=0';
      break;
    case 'bounce':
      bounce(trick.by);
  }
}`;
