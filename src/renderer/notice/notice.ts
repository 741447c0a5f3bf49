import type { Notice } from '../../core/surface/notice.ts';
import type { NoticeBridge } from '../../preload/notice.ts';

declare global {
  interface Window {
    readonly vigil: NoticeBridge;
  }
}

const HEADLINES: Readonly<Record<Notice['kind'], string>> = {
  starting: 'Starting',
  'signing-in': 'Signing in',
  'waiting-for-network': 'Waiting for the network',
  'cannot-sign-in': 'Cannot sign in',
  'needs-settings': 'Check the settings',
};

const MOST_LINES = 6;

let current: Notice = { kind: 'starting' };

function put(id: string, text: string): void {
  const element = document.getElementById(id);
  if (element !== null && element.textContent !== text) element.textContent = text;
}

function show(notice: Notice): void {
  current = notice;
  document.body.dataset['kind'] = notice.kind;
  put('headline', HEADLINES[notice.kind]);
  put('sentence', notice.sentence ?? '');
  put('code', notice.code ?? '');
  const details = document.getElementById('details');
  details?.replaceChildren(
    ...fitting(notice.details ?? []).map((line) => {
      const item = document.createElement('li');
      item.textContent = line;
      return item;
    }),
  );
  tick();
}

/** As many lines as fit on a display; the log has them all. */
function fitting(lines: readonly string[]): readonly string[] {
  const rest = lines.length - MOST_LINES;
  return rest <= 0 ? lines : [...lines.slice(0, MOST_LINES), `… and ${rest} more, in the log`];
}

function tick(): void {
  put('clock', new Date().toLocaleTimeString());
  if (current.nextTryAt === undefined) {
    put('next', '');
    return;
  }
  const seconds = Math.max(0, Math.ceil((current.nextTryAt - Date.now()) / 1000));
  const left = seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
  put('next', seconds === 0 ? 'Trying again now' : `Next try in ${left}`);
}

window.vigil.onNotice(show);
setInterval(tick, 1000);
tick();
