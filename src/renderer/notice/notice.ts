import type { Notice, NoticeKind } from '../../core/surface/notice.ts';
import type { NoticeMessage } from '../../core/surface/notice-channels.ts';
import { ago, nextTry } from '../../core/surface/wording.ts';
import type { NoticeBridge } from '../../preload/notice.ts';

const bridge = (window as unknown as { readonly vigil: NoticeBridge }).vigil;

const HEADLINES: Readonly<Record<NoticeKind, string>> = {
  starting: 'Starting',
  'signing-in': 'Signing in',
  'waiting-for-network': 'Waiting for the network',
  'cannot-sign-in': 'Cannot sign in',
  'cannot-show': 'Cannot show the dashboard',
  'needs-settings': 'Check the settings',
  'safe-mode': 'Safe mode',
  night: '',
};

const MOST_LINES = 6;

let current: Notice = { kind: 'starting' };

function put(id: string, text: string): void {
  const element = document.getElementById(id);
  if (element !== null && element.textContent !== text) element.textContent = text;
}

function show({ notice, pictureUrl }: NoticeMessage): void {
  current = notice;
  const isNight = notice.kind === 'night';
  document.body.dataset['kind'] = notice.kind;
  setPicture(isNight ? undefined : pictureUrl, notice.picture !== undefined);
  put('headline', HEADLINES[notice.kind]);
  put('sentence', isNight ? '' : (notice.sentence ?? ''));
  put('code', isNight ? '' : (notice.code ?? ''));
  const details = document.getElementById('details');
  details?.replaceChildren(
    ...fitting(isNight ? [] : (notice.details ?? [])).map((line) => {
      const item = document.createElement('li');
      item.textContent = line;
      return item;
    }),
  );
  tick();
}

/** The picture is loaded as soon as there is one, so that it stands in the same frame as the notice. */
function setPicture(url: string | undefined, isShown: boolean): void {
  const picture = document.getElementById('picture');
  if (!(picture instanceof HTMLImageElement)) return;
  document.body.classList.toggle('pictured', isShown && url !== undefined);
  if (url === (picture.getAttribute('src') ?? undefined)) return;
  // Once the new one is there, nothing needs the one before.
  picture.onload = () => {
    bridge.forgetUnused();
  };
  if (url !== undefined) picture.src = url;
  else {
    picture.removeAttribute('src');
    bridge.forgetUnused();
  }
}

/** As many lines as fit on a display; the log has them all. */
function fitting(lines: readonly string[]): readonly string[] {
  const rest = lines.length - MOST_LINES;
  return rest <= 0 ? lines : [...lines.slice(0, MOST_LINES), `… and ${rest} more, in the log`];
}

function tick(): void {
  if (document.hidden) return;
  const now = Date.now();
  const isNight = current.kind === 'night';
  put('clock', isNight ? '' : new Date(now).toLocaleTimeString());
  put('next', isNight ? '' : nextTryOf(current, now));
  put('age', current.picture === undefined || isNight ? '' : `Picture of ${ago(now - current.picture.takenAt)}`);
}

function nextTryOf({ nextTryAt }: Notice, now: number): string {
  if (nextTryAt === undefined) return '';
  const when = nextTry(nextTryAt - now);
  return when === 'now' ? 'Trying again now' : `Next try ${when}`;
}

bridge.onNotice(show);
// No timer runs while nobody sees the page.
let timer: number | undefined;
function follow(): void {
  clearInterval(timer);
  timer = document.hidden ? undefined : setInterval(tick, 1000);
  tick();
}
document.addEventListener('visibilitychange', follow);
follow();
